/** TLB flushing (arch/loongarch/mm/tlb.c, kernel/smp.c). An entry of the TLB holds two pages. Lines of v7.2. */

import type { VirtualAddress } from '../../../../mmu/format.ts';
import { flush_all, flush_pages } from '../../../mm/tlb_flush.ts';
import type { Task } from '../../../task.ts';
import type { LoongarchKernel } from '../loongarch_kernel.ts';

/** An eighth of the entries of a 3A5000, 2048 in sets and 64 without: up to here single invalidations are cheaper. */
const MAX_PAIRS = Math.floor((2048 + 64) / 8);

/** Effect: every CPU drops [start, end), by pairs of pages, or everything if that is less work. kernel/smp.c:808 */
export function* flush_tlb_kernel_range(
  k: LoongarchKernel,
  start: VirtualAddress,
  end: VirtualAddress,
): Task<void> {
  const pair = 2 * k.page_size;
  const first = Math.floor(start / pair) * pair;
  const last = Math.ceil(end / pair) * pair;
  if (Math.ceil((end - start) / pair) > MAX_PAIRS) yield* flush_all(k, 'all');
  else yield* flush_pages(k, 'all', first, (last - first) / k.page_size);
}
