/** TLB flushing as arch/x86/mm/tlb.c does it, down to which CPUs drop which translations. */

import type { VirtualAddress } from '../../../../mmu/format.ts';
import { flush_all, flush_pages } from '../../../mm/tlb_flush.ts';
import type { Task } from '../../../task.ts';
import type { X86Kernel } from '../x86_kernel.ts';

/** Pages up to which single invalidations are cheaper than dropping everything. */
export const tlb_single_page_flush_ceiling = 33;

/**
 * Effect: every CPU drops every translation of kernel addresses. Caller's duty: interrupts on, as it waits for IPIs.
 * arch/x86/mm/tlb.c:1471 (v7.2).
 */
export function* flush_tlb_all(k: X86Kernel): Task<void> {
  yield* flush_all(k, 'all');
}

/** Effect: this CPU alone drops every translation. */
export function __flush_tlb_all(k: X86Kernel): void {
  k.tlb?.flushAll(k.cpu);
  if (k.listening) k.emit({ kind: 'flush', cpu: k.cpu, cpus: 'local', pages: 'all', address: 0 });
}

/** Effect: every CPU drops `pages` translations from `address`, one by one. */
export function* flush_tlb_pages_on_each_cpu(
  k: X86Kernel,
  address: VirtualAddress,
  pages: number,
): Task<void> {
  yield* flush_pages(k, 'all', address, pages);
}

/** Effect: every CPU drops [start, end), or everything if that is more than 33 pages. tlb.c:1528 (v7.2). */
export function* flush_tlb_kernel_range(
  k: X86Kernel,
  start: VirtualAddress,
  end: VirtualAddress,
): Task<void> {
  const pages = (end - start) / 4096;
  if (pages > tlb_single_page_flush_ceiling) yield* flush_tlb_all(k);
  else yield* flush_tlb_pages_on_each_cpu(k, start, pages);
}
