/** Protections and entries of radix tables (arch/powerpc/include/asm/book3s/64/{pgtable,radix}.h). Packed, as flags are. */

import type { EntryFlags } from '../../../../../../../mmu/format.ts';
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_EXEC,
  _PAGE_PRESENT,
  _PAGE_PRIVILEGED,
  _PAGE_PTE,
  _PAGE_READ,
  _PAGE_WRITE,
  _RPAGE_SW0,
  type Ppc64RadixFormat,
} from '../../../../../../../mmu/ppc64_radix.ts';
import type { Entry, PageTableOps } from '../../../../../../mm/pgtable.ts';

const _PAGE_RW = _PAGE_READ | _PAGE_WRITE;
export const _PAGE_KERNEL_RW = _PAGE_PRIVILEGED | _PAGE_RW | _PAGE_DIRTY;
export const _PAGE_KERNEL_RO = _PAGE_PRIVILEGED | _PAGE_READ;
export const _PAGE_KERNEL_ROX = _PAGE_PRIVILEGED | _PAGE_READ | _PAGE_EXEC;
const _PAGE_KERNEL_RWX = _PAGE_PRIVILEGED | _PAGE_DIRTY | _PAGE_RW | _PAGE_EXEC;
const _PAGE_BASE = _PAGE_PRESENT | _PAGE_ACCESSED;
/** What the kernel takes for present while the hardware does not use it. */
const _PAGE_INVALID = _RPAGE_SW0;

export const PAGE_KERNEL: EntryFlags = _PAGE_BASE | _PAGE_KERNEL_RW;
export const PAGE_KERNEL_ROX: EntryFlags = _PAGE_BASE | _PAGE_KERNEL_ROX;
export const PAGE_KERNEL_X: EntryFlags = _PAGE_BASE | _PAGE_KERNEL_RWX;

const FLAGS_LOW = 0xfff;
const FLAGS_HIGH = 0xfe00_0000 | 0;

/** pfn_pte(), also of larger leaves: every leaf is marked as one. book3s/64/pgtable.h:560 (v6.12) */
export function pfn_pte(pfn: number, page_size: number, prot: EntryFlags): Entry {
  const address = pfn * page_size;
  const flags = prot | _PAGE_PTE;
  return {
    low: ((address % 2 ** 32) | (flags & FLAGS_LOW)) >>> 0,
    high: (Math.floor(address / 2 ** 32) | (flags & FLAGS_HIGH)) >>> 0,
  };
}

/** The bits of a packed protection in the half of an entry that they belong to. */
export function lowBits(flags: EntryFlags): number {
  return flags & FLAGS_LOW;
}
export function highBits(flags: EntryFlags): number {
  return flags & FLAGS_HIGH;
}

export function radixPageTableOps(format: Ppc64RadixFormat): PageTableOps {
  const page_size = 2 ** format.pageShift;
  return {
    none: (_level, low, high) => low === 0 && high === 0,
    present: (_level, _low, high) => (high & (_PAGE_PRESENT | _PAGE_INVALID)) !== 0,
    leaf: (level, _low, high) => level === 1 || (high & _PAGE_PTE) !== 0,
    table: (level, address) => ({
      low: ((address % 2 ** 32) | format.indexBits(level - 1)) >>> 0,
      high: (Math.floor(address / 2 ** 32) | _PAGE_PRESENT) >>> 0,
    }),
    kernelLeaf: (_level, pfn) => pfn_pte(pfn, page_size, PAGE_KERNEL),
  };
}
