/**
 * Page-table accessors (arch/x86/include/asm/pgtable.h, pgtable_types.h, pgtable-invert.h).
 *
 * An entry pointer (`pte_t *`, `pmd_t *`, ...) is the physical address of the entry; 0 is NULL. An entry's value is
 * its two 32-bit halves. A `pgprot_t` is a packed `EntryFlags`.
 */

import { NotModelledError } from '../../../../../errors.ts';
import { type EntryFlags, EntryKind, type VirtualAddress } from '../../../../../mmu/format.ts';
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_ENC,
  _PAGE_PAT,
  _PAGE_PAT_LARGE,
  _PAGE_PRESENT,
  _PAGE_PROTNONE,
  _PAGE_PSE,
  _PAGE_RW,
  _PAGE_USER,
} from '../../../../../mmu/x86_64.ts';
import { set_entry } from '../../../../mm/entry.ts';
import type { Task } from '../../../../task.ts';
import type { X86Kernel } from '../../x86_kernel.ts';

/** The encryption bit counts on machines that have one. */
export const _KERNPG_TABLE = _PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_ENC;
export const _PAGE_TABLE = _KERNPG_TABLE | _PAGE_USER;

const FRAME_HIGH = 0x000f_ffff;
const FLAGS_HIGH = 0xfff0_0000 | 0;

// ---- making entries: pfn_pte() and its larger sisters, which differ only in what their callers pass

/** pgtable-invert.h: whether the frame is stored inverted, judged by the protection when making an entry. */
function needs_invert(prot: EntryFlags): boolean {
  return prot !== 0 && (prot & _PAGE_PRESENT) === 0;
}

/** Low half of pfn_pte(pfn, prot). */
export function pfn_pte_low(k: X86Kernel, pfn: number, prot: EntryFlags): number {
  const flags = massage_pgprot(k, prot);
  const frame = (needs_invert(prot) ? ~pfn : pfn) << 12;
  return (frame | (flags & 0x1fff & ~_PAGE_ENC)) >>> 0;
}

/** High half of pfn_pte(pfn, prot). */
export function pfn_pte_high(k: X86Kernel, pfn: number, prot: EntryFlags): number {
  const flags = massage_pgprot(k, prot);
  const above = Math.floor(pfn / 2 ** 20);
  const frame = (needs_invert(prot) ? ~above : above) & FRAME_HIGH & ~k.sme_me_mask_high;
  const bit = ((flags & _PAGE_ENC) !== 0) !== k.shared_bit;
  const encryption = bit ? k.sme_me_mask_high : 0;
  return (frame | (flags & FLAGS_HIGH) | encryption) >>> 0;
}

/** Bits that the CPU lacks are dropped, but only from a present entry. */
export function massage_pgprot(k: X86Kernel, prot: EntryFlags): EntryFlags {
  return (prot & _PAGE_PRESENT) !== 0 ? prot & k.__supported_pte_mask : prot;
}

/** 4K format to large format: the PAT bit moves from 7 to 12. */
export function pgprot_4k_2_large(prot: EntryFlags): EntryFlags {
  const rest = prot & ~(_PAGE_PAT | _PAGE_PAT_LARGE);
  return (prot & _PAGE_PAT) !== 0 ? rest | _PAGE_PAT_LARGE : rest;
}

/** Large format to 4K format: the PAT bit moves from 12 to 7, PSE goes. */
export function pgprot_large_2_4k(prot: EntryFlags): EntryFlags {
  const rest = prot & ~(_PAGE_PAT | _PAGE_PAT_LARGE);
  return (prot & _PAGE_PAT_LARGE) !== 0 ? rest | _PAGE_PAT : rest;
}

// ---- reading entries

/** pte_none(), pmd_none(), ...: A and D do not count. */
export function entry_none(low: number, high: number): boolean {
  return (low & ~(_PAGE_ACCESSED | _PAGE_DIRTY)) === 0 && high === 0;
}

/** pte_pgprot(): the flags of a 4K entry. */
export function pte_pgprot(k: X86Kernel, low: number, high: number): EntryFlags {
  return k.format.flags(1, low, high);
}

/**
 * pmd_pgprot(), pud_pgprot(): the flags of a large entry, in large format. The kernel takes reserved address bits of
 * a leaf for flags and carries them along; a packed value has no room for them.
 * @throws NotModelledError for such an entry, which only a protection of 0 leads to.
 */
export function large_pgprot(k: X86Kernel, level: number, low: number, high: number): EntryFlags {
  if (k.format.kind(level, low, high) === EntryKind.Bad) {
    throw new NotModelledError('a large leaf with reserved bits', 'they would be kept, and are not here');
  }
  return k.format.flags(level, low, high);
}

export function pte_pfn(k: X86Kernel, low: number, high: number): number {
  return k.format.leafFrame(1, low, high);
}

/** pmd_pfn() at level 2, pud_pfn() at level 3. */
export function large_pfn(k: X86Kernel, level: number, low: number, high: number): number {
  return k.format.leafFrame(level, low, high);
}

/** P, or the PROTNONE bit that KFENCE and mprotect leave. */
export function pte_present(low: number): boolean {
  return (low & (_PAGE_PRESENT | _PAGE_PROTNONE)) !== 0;
}

export function pmd_present(low: number): boolean {
  return (low & (_PAGE_PRESENT | _PAGE_PROTNONE | _PAGE_PSE)) !== 0;
}

export function pud_present(low: number): boolean {
  return (low & _PAGE_PRESENT) !== 0;
}

export function pmd_leaf(low: number): boolean {
  return (low & _PAGE_PSE) !== 0;
}

export function pud_leaf(k: X86Kernel, low: number): boolean {
  const mask = k.has['leaf-test-pse-only'] ? _PAGE_PSE : _PAGE_PSE | _PAGE_PRESENT;
  return (low & mask) === mask;
}

// ---- from one level to the next

export function pgd_offset_pgd(k: X86Kernel, pgd: number, address: VirtualAddress): number {
  return pgd + (Math.floor(address / k.pgdir_size) & k.index_mask) * 8;
}

export function pgd_offset_k(k: X86Kernel, address: VirtualAddress): number {
  return pgd_offset_pgd(k, k.init_mm.pgd, address);
}

/** On a 4-level machine the P4D is folded into the PGD: the same pointer. */
export function p4d_offset(k: X86Kernel, pgd: number, address: VirtualAddress): number {
  return k.pgtable_l5_enabled ? entry_in(k, pgd, address, k.p4d_size) : pgd;
}

export function pud_offset(k: X86Kernel, p4d: number, address: VirtualAddress): number {
  return entry_in(k, p4d, address, k.pud_size);
}

export function pmd_offset(k: X86Kernel, pud: number, address: VirtualAddress): number {
  return entry_in(k, pud, address, k.pmd_size);
}

export function pte_offset_kernel(k: X86Kernel, pmd: number, address: VirtualAddress): number {
  return entry_in(k, pmd, address, 4096);
}

/** Folded on a 4-level machine: never none. */
export function pgd_none(k: X86Kernel, pgd: number): boolean {
  return k.pgtable_l5_enabled && k.memory.low(pgd) === 0 && k.memory.high(pgd) === 0;
}

export function pointer_none(k: X86Kernel, entry: number): boolean {
  return entry_none(k.memory.low(entry), k.memory.high(entry));
}

function entry_in(k: X86Kernel, parent: number, address: VirtualAddress, size: number): number {
  const table = k.format.tableAddress(0, k.memory.low(parent), k.memory.high(parent));
  return table + (Math.floor(address / size) & k.index_mask) * 8;
}

// ---- storing entries

/** set_pte(entry, pfn_pte(pfn, prot)), at any level. */
export function* set_pfn(k: X86Kernel, entry: number, pfn: number, prot: EntryFlags): Task<void> {
  yield* set_entry(k, entry, pfn_pte_low(k, pfn, prot), pfn_pte_high(k, pfn, prot));
}
