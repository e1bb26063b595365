/**
 * Replacing and invalidating entries, and dropping translations (asm/pgtable.h, asm/tlbflush.h). The instructions that do
 * it end when no CPU has the old translation any more, so that nothing can happen in between.
 */

import type { VirtualAddress } from '../../../../../mmu/format.ts';
import { _PAGE_INVALID } from '../../../../../mmu/s390x.ts';
import { set_entry, store_entry } from '../../../../mm/entry.ts';
import { flush_all } from '../../../../mm/tlb_flush.ts';
import type { Task } from '../../../../task.ts';
import type { S390Kernel } from '../../s390_kernel.ts';

function purge(k: S390Kernel, address: VirtualAddress, pages: number): void {
  for (let page = 0; page < pages; page++) k.tlb?.flushPage('all', address + page * k.page_size);
  if (k.listening) k.emit({ kind: 'flush', cpu: k.cpu, cpus: 'all', pages, address });
}

/** Effect: the entry has a new value, and no CPU a translation that came from the old one. pgtable.h:641 (v7.2) */
export function* crdte(
  k: S390Kernel,
  entry: number,
  level: number,
  address: VirtualAddress,
  low: number,
  high: number,
): Task<void> {
  yield* set_entry(k, entry, low, high);
  const covers = 2 ** k.format.levelShift(level);
  purge(k, Math.floor(address / covers) * covers, covers / k.page_size);
}

/** Effect: the entry has a new value, and no CPU any translation. CSPG, or CSP. pgtable.h:611 (v7.2) */
export function* cspg(k: S390Kernel, entry: number, low: number, high: number): Task<void> {
  yield* set_entry(k, entry, low, high);
  k.tlb?.flushAll('all');
  if (k.listening) k.emit({ kind: 'flush', cpu: k.cpu, cpus: 'all', pages: 'all', address: 0 });
}

/**
 * Effect: `nr` words from `pte` on have the bit "invalid", and no CPU a translation of their pages: IPTE. What the words
 * are, the CPU does not ask. pgtable.h:1147 and :1170 (v7.2)
 */
export function* ipte(k: S390Kernel, pte: number, address: VirtualAddress, nr: number): Task<void> {
  if (k.interleaved) yield { kind: 'preemption', at: 'write', what: pte };
  for (let i = 0; i < nr; i++) {
    const entry = pte + i * 8;
    store_entry(k, entry, k.memory.low(entry) | _PAGE_INVALID, k.memory.high(entry));
  }
  purge(k, address, nr);
}

/**
 * Effect: the PTE is none, and no CPU has a translation of its page. A CPU that alone has no user's address space would
 * leave the translations for later: it has run none since it was started. pgtable.h:1218, and mm/pgtable.c:98 (v7.2)
 */
export function* ptep_get_and_clear(k: S390Kernel, entry: number, address: VirtualAddress): Task<void> {
  if ((k.memory.low(entry) & _PAGE_INVALID) === 0) yield* ipte(k, entry, address, 1);
  yield* set_entry(k, entry, _PAGE_INVALID, 0);
}

/** Effect: no CPU has any translation of kernel addresses, whatever the range. tlbflush.h:115 (v7.2) */
export function* flush_tlb_kernel_range(
  k: S390Kernel,
  _start: VirtualAddress,
  _end: VirtualAddress,
): Task<void> {
  yield* flush_all(k, 'all');
}
