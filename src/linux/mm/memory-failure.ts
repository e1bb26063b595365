/**
 * Memory that the hardware has given up (mm/memory-failure.c): no edit of the direct map is made here, that is the
 * architecture's. Not modelled: users of the page, who are killed or get another, and pages that are free at the time.
 */

import { NotModelledError } from '../../errors.ts';
import { EBUSY, EHWPOISON, ENXIO } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { ClearPageHWPoison, PageHWPoison, pfn_valid, SetPageHWPoison } from './page_flags.ts';

/** Effect: nobody gets the page again. Failure: -ENXIO for what is no memory, -EHWPOISON for the second time. :2327 (v7.2) */
export function memory_failure(k: Kernel, pfn: number): number {
  if (!pfn_valid(k, pfn)) {
    k.printk('err', `Memory failure: 0x${pfn.toString(16)}: memory outside kernel control`);
    return -ENXIO;
  }
  if (PageHWPoison(k, pfn)) return -EHWPOISON;
  if (k.frames.book?.isFree(pfn) === true) {
    throw new NotModelledError('memory_failure() of a free page', 'it is taken out of the free lists');
  }
  SetPageHWPoison(k, pfn);
  k.printk('err', `Memory failure: 0x${pfn.toString(16)}: recovery action: Recovered`);
  return 0;
}

/**
 * Effect: the page may be used again, as the user says. The direct map is left as it is, without the page if the architecture
 * took it out. Failure: -EBUSY if the page was not poisoned. :2593 (v7.2)
 */
export function unpoison_memory(k: Kernel, pfn: number): number {
  if (!PageHWPoison(k, pfn)) return -EBUSY;
  ClearPageHWPoison(k, pfn);
  return 0;
}
