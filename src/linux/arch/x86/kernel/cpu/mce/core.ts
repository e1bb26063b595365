/** A machine check in memory (arch/x86/kernel/cpu/mce/core.c). */

import { memory_failure } from '../../../../../mm/memory-failure.ts';
import type { Task } from '../../../../../task.ts';
import { set_mce_nospec } from '../../../mm/pat/set_memory.ts';
import type { X86Kernel } from '../../../x86_kernel.ts';

/**
 * Effect: the page is poisoned, and out of the direct map if that worked: nobody looks, although a speculative access may
 * raise a second, fatal machine check. Before v5.19 a page of which only a part is bad (`whole_page` false) becomes
 * uncached. Context: process. :609 (v7.2)
 */
export function* uc_decode_notifier(k: X86Kernel, pfn: number, whole_page = true): Task<number> {
  const ret = memory_failure(k, pfn);
  if (ret === 0) yield* set_mce_nospec(k, pfn, whole_page);
  return ret;
}
