/**
 * Dropping translations (arch/riscv/mm/tlbflush.c). Harts are told through the SBI or by IPI, which is the same here.
 */

import type { VirtualAddress } from '../../../../mmu/format.ts';
import { flush_all, flush_pages } from '../../../mm/tlb_flush.ts';
import type { Task } from '../../../task.ts';
import type { RiscvKernel } from '../riscv_kernel.ts';

/** More pages than that, and everything goes. */
const tlb_flush_all_threshold = 64;

/** Effect: no hart holds any translation. tlbflush.c:89 (v7.2) */
export function* flush_tlb_all(k: RiscvKernel): Task<void> {
  yield* flush_all(k, 'all');
}

function pagesIn(k: RiscvKernel, start: VirtualAddress, end: VirtualAddress): number {
  return Math.max(1, Math.ceil((end - start) / k.page_size));
}

/** Effect: no hart holds a translation of the range. tlbflush.c:203 (v7.2); tlbflush.h:47 (v5.10) */
export function* flush_tlb_kernel_range(
  k: RiscvKernel,
  start: VirtualAddress,
  end: VirtualAddress,
): Task<void> {
  const pages = pagesIn(k, start, end);
  if (!k.has['ranged-kernel-flush'] || pages > tlb_flush_all_threshold) yield* flush_tlb_all(k);
  else yield* flush_pages(k, 'all', start, pages);
}

/** Effect: this hart holds no translation of the range. tlbflush.c:79 (v7.2) */
export function* local_flush_tlb_kernel_range(
  k: RiscvKernel,
  start: VirtualAddress,
  end: VirtualAddress,
): Task<void> {
  const pages = pagesIn(k, start, end);
  if (pages > tlb_flush_all_threshold) yield* flush_all(k, 'local');
  else yield* flush_pages(k, 'local', start, pages);
}
