/**
 * What the shared code asks of an architecture's entries (include/linux/pgtable.h). Levels count up from the PTEs, 1; those
 * that are folded away are left out.
 */

import { EntryKind, type VirtualAddress } from '../../mmu/format.ts';
import { type Kernel, tableIndex } from '../kernel.ts';
import type { TablePurpose, Task } from '../task.ts';

/** The two halves of an entry. */
export interface Entry {
  low: number;
  high: number;
}

export interface PageTableOps {
  /** pte_none(), pmd_none(), ... */
  none(level: number, low: number, high: number): boolean;
  /** pte_present(), pmd_present(), ...: what the kernel takes for present, whatever the hardware does. */
  present(level: number, low: number, high: number): boolean;
  /** pmd_leaf(), pud_leaf(), ...: what the kernel takes for a leaf. Always true at level 1. */
  leaf(level: number, low: number, high: number): boolean;
  /** The entry at `level` that names a table, by its physical address: what pmd_populate_kernel() stores. */
  table(level: number, address: number): Entry;
  /** A leaf at `level` with PAGE_KERNEL's protection, from its first frame. */
  kernelLeaf(level: number, pfn: number): Entry;
  /** Where a table is not one page of zeros: an empty one at the level of its purpose, by its address, or NULL. */
  allocTable?(purpose: TablePurpose): Task<number | undefined>;
  /** ptep_get_and_clear(), where it is more than a store. */
  clearPte?(entry: number, address: VirtualAddress): Task<void>;
}

/** pgd_offset_k(), p4d_offset(), ...: the entry for an address in the table at physical `table`. */
export function entry_in(k: Kernel, table: number, level: number, address: VirtualAddress): number {
  return table + tableIndex(k.format, level, address) * 8;
}

/** Physical address of the table that the entry at `entry` names. */
export function table_of(k: Kernel, entry: number, level: number): number {
  return k.format.tableAddress(level, k.memory.low(entry), k.memory.high(entry));
}

export function entry_none(k: Kernel, entry: number, level: number): boolean {
  return k.pgtable.none(level, k.memory.low(entry), k.memory.high(entry));
}

export function entry_present(k: Kernel, entry: number, level: number): boolean {
  return k.pgtable.present(level, k.memory.low(entry), k.memory.high(entry));
}

export function entry_leaf(k: Kernel, entry: number, level: number): boolean {
  return k.pgtable.leaf(level, k.memory.low(entry), k.memory.high(entry));
}

/** Whether an entry above the PTEs is none of what a walker can go on from: pmd_bad() and its sisters, near enough. */
export function entry_bad(k: Kernel, entry: number, level: number): boolean {
  const low = k.memory.low(entry);
  const high = k.memory.high(entry);
  return !k.pgtable.none(level, low, high) && k.format.kind(level, low, high) !== EntryKind.Table;
}

/** pmd_addr_end() and its sisters: the end of what the entry for `address` covers, or `end` if that is nearer. */
export function addr_end(
  k: Kernel,
  level: number,
  address: VirtualAddress,
  end: VirtualAddress,
): VirtualAddress {
  const size = 2 ** k.format.levelShift(level);
  return Math.min(end, (Math.floor(address / size) + 1) * size);
}
