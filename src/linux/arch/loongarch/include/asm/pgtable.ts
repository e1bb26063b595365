/** Entries of the kernel's tables (arch/loongarch/include/asm/pgtable.h, pgtable-bits.h). Line numbers are those of v7.2. */

import type { EntryFlags, VirtualAddress } from '../../../../../mmu/format.ts';
import {
  _PAGE_DIRTY,
  _PAGE_GLOBAL,
  _PAGE_HGLOBAL,
  _PAGE_HUGE,
  _PAGE_PRESENT,
  _PAGE_PROTNONE,
  _PAGE_VALID,
  _PAGE_WRITE,
} from '../../../../../mmu/loongarch64.ts';
import { type Entry, entry_in, entry_none, type PageTableOps, table_of } from '../../../../mm/pgtable.ts';
import type { LoongarchKernel } from '../../loongarch_kernel.ts';
import { PAGE_OFFSET } from './addrspace.ts';

const _CACHE_CC = 1 << 4;
/** _PAGE_PRESENT_INVALID, in the high half: present to the kernel while the hardware does not use it. */
const PRESENT_INVALID_HIGH = 1 << 28;

export const PAGE_KERNEL: EntryFlags =
  _PAGE_PRESENT | _PAGE_VALID | _PAGE_DIRTY | _PAGE_WRITE | _PAGE_GLOBAL | _CACHE_CC;
/** What holds for all of a window: no page table says it. */
export const WINDOW_LOW =
  _PAGE_VALID | _PAGE_DIRTY | _CACHE_CC | _PAGE_HUGE | _PAGE_PRESENT | _PAGE_WRITE | _PAGE_HGLOBAL;

/** The high half of PAGE_OFFSET, in which the address of a table is in an entry. */
const WINDOW_HIGH = 0x9000_0000;

function large(flags: EntryFlags): EntryFlags {
  return (flags & ~_PAGE_GLOBAL) | _PAGE_HUGE | _PAGE_HGLOBAL;
}

/**
 * An empty entry names a table in which there is nothing, one for each level, or, of a machine that the model has booted
 * itself, is 0: it leaves those tables out.
 */
export function loongarchPageTableOps(k: LoongarchKernel): PageTableOps {
  const isInvalidTable = (level: number, low: number, high: number) =>
    level > 1 &&
    (low & _PAGE_HUGE) === 0 &&
    k.format.tableAddress(level, low, high) === k.invalid_tables[level - 1];
  return {
    none(level, low, high) {
      if (level === 1) return (low & ~_PAGE_GLOBAL) === 0 && high === 0;
      return (low === 0 && high === 0) || isInvalidTable(level, low, high);
    },
    present(level, low, high) {
      if (level === 1) return (low & (_PAGE_PRESENT | _PAGE_PROTNONE)) !== 0;
      if ((low & _PAGE_HUGE) === 0) return (low !== 0 || high !== 0) && !isInvalidTable(level, low, high);
      return (low & (_PAGE_PRESENT | _PAGE_PROTNONE)) !== 0 || (high & PRESENT_INVALID_HIGH) !== 0;
    },
    leaf: (level, low) => level === 1 || (low & _PAGE_HUGE) !== 0,
    table: (_level, address) => entryAt(address, 0, WINDOW_HIGH),
    kernelLeaf: (level, pfn) => entryAt(pfn * k.page_size, level === 1 ? PAGE_KERNEL : large(PAGE_KERNEL), 0),
  };
}

function entryAt(address: number, low: number, high: number): Entry {
  return { low: ((address % 2 ** 32) | low) >>> 0, high: (Math.floor(address / 2 ** 32) | high) >>> 0 };
}

/** The entry that page tables have for an address at level 1; 0 (NULL) if a table is missing. linux/pgtable.h:180 */
export function virt_to_kpte(k: LoongarchKernel, address: VirtualAddress): number {
  let table = k.root;
  for (let level = k.format.levels; level > 1; level--) {
    const entry = entry_in(k, table, level, address);
    if (entry_none(k, entry, level)) return 0;
    table = table_of(k, entry, level);
  }
  return entry_in(k, table, 1, address);
}

/** __pa() of an address of the window. */
export function __pa(address: VirtualAddress): number {
  return address - PAGE_OFFSET;
}
