/**
 * How the kernel reads and makes entries (arch/riscv/include/asm/pgtable.h, pgtable-64.h, pgtable-bits.h).
 *
 * What it takes for present is not what the hardware does: without V, an entry counts as present by another bit that
 * every leaf of the direct map has. An entry is made of a frame and its protection: packed bits 0..9 and 54..63.
 */

import type { EntryFlags } from '../../../../../mmu/format.ts';
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_EXEC,
  _PAGE_GLOBAL,
  _PAGE_LEAF,
  _PAGE_PRESENT,
  _PAGE_READ,
  _PAGE_WRITE,
} from '../../../../../mmu/riscv64.ts';
import type { Entry, PageTableOps } from '../../../../mm/pgtable.ts';
import type { RiscvKernel } from '../../riscv_kernel.ts';
import { PAGE_SIZE } from './page.ts';

/** The protection of an entry that names a table. */
export const PAGE_TABLE: EntryFlags = _PAGE_PRESENT;

const PTE = 1;
const PMD = 2;
const PUD = 3;

const _PAGE_KERNEL = _PAGE_READ | _PAGE_WRITE | _PAGE_PRESENT | _PAGE_ACCESSED | _PAGE_DIRTY;

/** pgtable.h:95 (v5.10), :172 (v6.1) */
export function PAGE_KERNEL(k: RiscvKernel): EntryFlags {
  return k.has['global-kernel-mappings'] ? _PAGE_KERNEL | _PAGE_GLOBAL : _PAGE_KERNEL;
}

export function PAGE_KERNEL_READ(k: RiscvKernel): EntryFlags {
  return PAGE_KERNEL(k) & ~_PAGE_WRITE;
}

export function PAGE_KERNEL_EXEC(k: RiscvKernel): EntryFlags {
  return PAGE_KERNEL(k) | _PAGE_EXEC;
}

export function PAGE_KERNEL_READ_EXEC(k: RiscvKernel): EntryFlags {
  return PAGE_KERNEL_READ(k) | _PAGE_EXEC;
}

const HIGH_FLAGS = 0xffc0_0000 | 0;
const LOW_FLAGS = 0x3ff;
/** Bits 59..63, and what a T-Head CPU wants there of memory. */
const _PAGE_MTMASK_THEAD = 0xf800_0000 | 0;
const _PAGE_PMA_THEAD = 0x7000_0000;

/** What is not the frame of an entry: `val & ~_PAGE_PFN_MASK`. */
export function prot_of(low: number, high: number): EntryFlags {
  return (low & LOW_FLAGS) | (high & HIGH_FLAGS);
}

/** An entry of a frame and its protection, as they are. */
function entry_of(pfn: number, prot: EntryFlags): Entry {
  return {
    low: ((pfn % 2 ** 22) * 1024 + (prot & LOW_FLAGS)) >>> 0,
    high: (Math.floor(pfn / 2 ** 22) | (prot & HIGH_FLAGS)) >>> 0,
  };
}

/**
 * pfn_pte(), pfn_pmd() and so on. CPUs of T-Head get their memory type in PTEs, PMDs and PGDs, but not between.
 * pgtable-64.h:215 (v6.1)
 */
export function pfn_entry(k: RiscvKernel, level: number, pfn: number, prot: EntryFlags): Entry {
  const thead = k.machine.features.thead && k.has['thead-memory-types'];
  const wanted = thead && (level <= PMD || level === k.format.levels);
  return entry_of(pfn, wanted && (prot & _PAGE_MTMASK_THEAD) === 0 ? prot | _PAGE_PMA_THEAD : prot);
}

export function riscvPageTableOps(k: RiscvKernel): PageTableOps {
  const global = k.has['prot-none-is-global'];
  const _PAGE_PROT_NONE = global ? _PAGE_GLOBAL : _PAGE_READ;
  const pte_present = _PAGE_PRESENT | _PAGE_PROT_NONE;
  // With CONFIG_TRANSPARENT_HUGEPAGE, which came with the other meaning of PROT_NONE.
  const pmd_present = global ? pte_present | _PAGE_LEAF : pte_present;
  const presentBits = (level: number) =>
    level === PTE ? pte_present : level === PMD ? pmd_present : _PAGE_PRESENT;
  return {
    none: (_level, low, high) => low === 0 && high === 0,
    present: (level, low) => (low & presentBits(level)) !== 0,
    // A P4D leaf is not known as one: nobody defines p4d_leaf().
    leaf: (level, low) =>
      level === PTE || (level <= PUD && (low & presentBits(level)) !== 0 && (low & _PAGE_LEAF) !== 0),
    table: (_level, address) => entry_of(Math.floor(address / PAGE_SIZE), PAGE_TABLE),
    kernelLeaf: (level, pfn) => pfn_entry(k, level, pfn, PAGE_KERNEL(k)),
  };
}
