/**
 * Entries of the kernel's tables (arch/s390/include/asm/pgtable.h). Line numbers are those of v7.2.13.
 *
 * All that the kernel keeps in an entry beside its address lies in the low half. Levels are 1 for a PTE, 2 for a segment
 * (pmd), 3 for region-third (pud), 4 for region-second (p4d).
 */

import { NotModelledError } from '../../../../../errors.ts';
import { hexAddress, type VirtualAddress } from '../../../../../mmu/format.ts';
import {
  _PAGE_INVALID,
  _PAGE_NOEXEC,
  _PAGE_PROTECT,
  _REGION_ENTRY_INVALID,
  _SEGMENT_ENTRY_LARGE,
} from '../../../../../mmu/s390x.ts';
import { type Entry, entry_in, type PageTableOps } from '../../../../mm/pgtable.ts';
import { vmem_crst_alloc, vmem_pte_alloc } from '../../mm/pgalloc.ts';
import type { S390Kernel } from '../../s390_kernel.ts';
import { ptep_get_and_clear } from './tlbflush.ts';

export const _PAGE_PRESENT = 0x001;
export const _PAGE_SOFT_DIRTY = 0x002;
export const _PAGE_YOUNG = 0x004;
export const _PAGE_DIRTY = 0x008;
export const _PAGE_READ = 0x010;
export const _PAGE_WRITE = 0x020;
export const _PAGE_UNUSED = 0x080;

export const PTE = 1;
export const PMD = 2;
export const PUD = 3;

/** All four quarters of the table are there. */
const REGION_LENGTH = 0x03;
const SEGMENT_YOUNG = 0x1000;
const SEGMENT_DIRTY = 0x2000;
/** _SEGMENT_ENTRY_PRESENT and _REGION3_ENTRY_PRESENT. */
const LARGE_PRESENT = 0x0001;

/** What the bits of one level's leaves are called, in one kernel. */
export interface LeafBits {
  readonly INVALID: number;
  readonly WRITE: number;
  readonly DIRTY: number;
  readonly SOFT_DIRTY: number;
  /** PAGE_KERNEL, SEGMENT_KERNEL, REGION3_KERNEL. */
  readonly KERNEL: number;
  readonly KERNEL_RO: number;
}

/** The bits of PTEs, of 1M and of 2G leaves, by level. :164, :286 and :442, and their like in the other kernels. */
export function leafBits(k: Pick<S390Kernel, 'has' | 'config' | 'machine'>): readonly LeafBits[] {
  const noexec = k.machine.features.nx ? _PAGE_NOEXEC : 0;
  const pte = _PAGE_PRESENT | _PAGE_READ | _PAGE_YOUNG | noexec;
  const softDirty = (bit: number) => (k.config.MEM_SOFT_DIRTY ? bit : 0);
  const large = (type: number, read: number, write: number): LeafBits => {
    const present = k.has['segment-present-bit'] ? LARGE_PRESENT : 0;
    const common = type | present | _SEGMENT_ENTRY_LARGE | read | SEGMENT_YOUNG | noexec;
    return {
      INVALID: _REGION_ENTRY_INVALID,
      WRITE: write,
      DIRTY: SEGMENT_DIRTY,
      SOFT_DIRTY: softDirty(k.has['segment-present-bit'] ? 0x0002 : 0x4000),
      KERNEL: common | write | SEGMENT_DIRTY,
      KERNEL_RO: common | _PAGE_PROTECT,
    };
  };
  const [read, write] = k.has['segment-present-bit'] ? [0x4000, 0x8000] : [0x0001, 0x0002];
  const swapped = !k.has['region3-bits-as-segment'];
  return [
    {
      INVALID: _PAGE_INVALID,
      WRITE: _PAGE_WRITE,
      DIRTY: _PAGE_DIRTY,
      SOFT_DIRTY: softDirty(_PAGE_SOFT_DIRTY),
      KERNEL: pte | _PAGE_WRITE | _PAGE_DIRTY,
      KERNEL_RO: pte | _PAGE_PROTECT,
    },
    large(0, read, write),
    swapped ? large(regionType(PUD), write, read) : large(regionType(PUD), read, write),
  ];
}

function regionType(level: number): number {
  return (level - PMD) << 2;
}

/** pte_wrprotect(), pmd_wrprotect(), pud_wrprotect(). :1069 */
export function wrprotect(bits: LeafBits, low: number): number {
  return (low & ~bits.WRITE) | _PAGE_PROTECT;
}

/** pte_mkwrite_novma() of pte_mkdirty(), and their sisters. :1075 */
export function mkdirty_mkwrite(bits: LeafBits, low: number): number {
  return (low | bits.DIRTY | bits.SOFT_DIRTY | bits.WRITE) & ~_PAGE_PROTECT;
}

/** The entry at `level` of a table: _SEGMENT_ENTRY, _REGION3_ENTRY, ... with the table's address. */
export function table_entry(k: S390Kernel, level: number, address: number): Entry {
  const present = k.has['segment-present-bit'] ? LARGE_PRESENT : 0;
  const flags = level === PMD ? present : regionType(level) | REGION_LENGTH;
  return { low: (address >>> 0) | flags, high: Math.floor(address / 2 ** 32) };
}

/** A leaf at `level` of the first frame and the protection. */
export function leaf_entry(k: S390Kernel, level: number, pfn: number, prot: number): Entry {
  const { low, high } = k.format.leafAddress(level, pfn);
  return { low: low | prot, high };
}

export function s390PageTableOps(k: S390Kernel): PageTableOps {
  const bits = k.has['segment-present-bit'];
  const none = (level: number, low: number, high: number) =>
    low >>> 0 === k.format.emptyEntry(level) && high === 0;
  return {
    none,
    present(level, low, high) {
      if (level === PTE || (bits && level <= PUD)) return (low & _PAGE_PRESENT) !== 0;
      return !none(level, low, high);
    },
    leaf(level, low) {
      if (level === PTE) return true;
      if (level > PUD || (bits && (low & LARGE_PRESENT) === 0)) return false;
      return (low & _SEGMENT_ENTRY_LARGE) !== 0;
    },
    table: (level, address) => table_entry(k, level, address),
    allocTable: (purpose) =>
      purpose.level === PTE ? vmem_pte_alloc(k, purpose) : vmem_crst_alloc(k, purpose),
    clearPte: (entry, address) => ptep_get_and_clear(k, entry, address),
    kernelLeaf: (level, pfn) => leaf_entry(k, level, pfn, k.leaf_bits[level - 1]!.KERNEL),
  };
}

/**
 * Physical address of the PTE of an address, as virt_to_kpte() (linux/pgtable.h:175) finds it: no entry on the way is asked
 * whether it is a leaf, so that of a 1M leaf the first 2K of its memory are taken for a page table.
 * @throws NotModelledError where the way goes through memory whose content the model does not have.
 */
export function virt_to_kpte(k: S390Kernel, address: VirtualAddress): number {
  let table = k.root;
  for (let level = k.format.levels; level > PTE; level--) {
    const entry = entry_in(k, table, level, address);
    const low = k.memory.low(entry);
    const high = k.memory.high(entry);
    if (k.pgtable.none(level, low, high))
      throw wayIsLost(
        `no ${k.format.levelName(level)} entry maps ${hexAddress(address)}, and the lowcore is taken for the table`,
      );
    const leaf = k.pgtable.leaf(level, low, high);
    if (leaf && level > PMD)
      throw wayIsLost(
        `${hexAddress(address)} lies in a leaf of 2G, whose memory is taken for a segment table`,
      );
    table = leaf
      ? k.format.leafFrame(level, low, high) * k.page_size
      : k.format.tableAddress(level, low, high);
  }
  return entry_in(k, table, PTE, address);
}

function wayIsLost(because: string): NotModelledError {
  return new NotModelledError('__kernel_map_pages() without a page table', because);
}
