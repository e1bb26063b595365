/** TLB invalidation, which the hardware broadcasts to all CPUs (arch/arm64/include/asm/tlbflush.h). */

import type { VirtualAddress } from '../../../../../mmu/format.ts';
import { flush_all, flush_pages } from '../../../../mm/tlb_flush.ts';
import type { Task } from '../../../../task.ts';
import type { Arm64Kernel } from '../../arm64_kernel.ts';

/** Effect: every CPU drops every translation. Context: any, for no CPU is asked to do it. :368 (v7.2) */
export function* flush_tlb_all(k: Arm64Kernel): Task<void> {
  yield* flush_all(k, 'all');
}

/** Effect: every CPU drops [start, end), or everything if that is more than one table maps. Context: any. :651 (v7.2) */
export function* flush_tlb_kernel_range(
  k: Arm64Kernel,
  start: VirtualAddress,
  end: VirtualAddress,
): Task<void> {
  const pages = Math.ceil(end / k.page_size) - Math.floor(start / k.page_size);
  const MAX_DVM_OPS = 2 ** (k.format.pageShift - 3);
  const excess = k.has['linear-map-split'] ? pages >= MAX_DVM_OPS : pages > MAX_DVM_OPS;
  if (excess) yield* flush_tlb_all(k);
  else yield* flush_pages(k, 'all', Math.floor(start / k.page_size) * k.page_size, pages);
}
