/** Persistent memory that was poisoned and is written anew (drivers/nvdimm/pmem.c). */

import type { Kernel } from '../../kernel.ts';
import { ClearPageHWPoison, PageHWPoison } from '../../mm/page_flags.ts';
import type { Task } from '../../task.ts';

/**
 * Effect: the page is no longer poisoned, and the architecture has put it back into the direct map, as far as that worked:
 * nobody looks. :84 (v7.2)
 */
export function* hwpoison_clear(k: Kernel, pfn: number): Task<void> {
  if (!PageHWPoison(k, pfn)) return;
  ClearPageHWPoison(k, pfn);
  yield* k.clear_mce_nospec(pfn);
}
