/**
 * Protections and the masks by which they are changed (arch/arm64/include/asm/pgtable-prot.h, pgtable-hwdef.h).
 *
 * A protection is packed as in mmu/arm64.ts. A mask is two halves of an entry, for it may have a bit of the address: that
 * which a realm's shared pages have.
 */

import {
  PTE_AF,
  PTE_DBM,
  PTE_DIRTY,
  PTE_NG,
  PTE_PXN,
  PTE_RDONLY,
  PTE_SHARED,
  PTE_TABLE_BIT,
  PTE_UXN,
  PTE_VALID,
  TABLE_PXN,
  TABLE_UXN,
} from '../../../../../mmu/arm64.ts';
import type { EntryFlags } from '../../../../../mmu/format.ts';
import type { Entry } from '../../../../mm/pgtable.ts';
import type { Arm64Kernel } from '../../arm64_kernel.ts';

/** The hardware's dirty bit modifier is the right to write. */
export const PTE_WRITE = PTE_DBM;
/** Of an entry without VALID: the rest is to be read as if it had. */
export const PTE_PRESENT_INVALID = PTE_NG;
const PTE_TYPE_PAGE = PTE_VALID | PTE_TABLE_BIT;
const PTE_ATTRINDX_MT_NORMAL_TAGGED = 1 << 2;

/** Which packed bits lie in the low half, and which in the high one. */
const LOW = 0xfff;
const HIGH = 0xfffc_0000 | 0;

/** The packed bits as halves of an entry. */
export function pgprot(bits: EntryFlags): Entry {
  return { low: bits & LOW, high: bits & HIGH };
}

export function pgprot_or(a: Entry, b: Entry): Entry {
  return { low: a.low | b.low, high: a.high | b.high };
}

/** Whether a mask is exactly these bits. */
export function pgprot_is(mask: Entry, bits: EntryFlags): boolean {
  return mask.low === (bits & LOW) && mask.high === (bits & HIGH);
}

export function PTE_MAYBE_NG(k: Arm64Kernel): EntryFlags {
  return k.arm64_use_ng_mappings ? PTE_NG : 0;
}

/** :28 (v7.2) */
export function PTE_PRESENT_VALID_KERNEL(k: Arm64Kernel): EntryFlags {
  return PTE_VALID | PTE_MAYBE_NG(k);
}

function PROT_NORMAL(k: Arm64Kernel): EntryFlags {
  const shared = k.format.lpa2 ? 0 : PTE_SHARED;
  return PTE_TYPE_PAGE | PTE_MAYBE_NG(k) | shared | PTE_AF | PTE_PXN | PTE_UXN | PTE_WRITE;
}

/** :55 (v7.2) */
export function PAGE_KERNEL(k: Arm64Kernel): EntryFlags {
  return PROT_NORMAL(k) | (k.has['kernel-ptes-dirty'] ? PTE_DIRTY : 0);
}

/** :56 (v7.2) */
export function PAGE_KERNEL_RO(k: Arm64Kernel): EntryFlags {
  return (PAGE_KERNEL(k) & ~PTE_WRITE) | PTE_RDONLY;
}

/** :57, :58 (v7.2) */
export function PAGE_KERNEL_ROX(k: Arm64Kernel): EntryFlags {
  return PAGE_KERNEL_RO(k) & ~PTE_PXN;
}

export function PAGE_KERNEL_EXEC(k: Arm64Kernel): EntryFlags {
  return PAGE_KERNEL(k) & ~PTE_PXN;
}

/** The direct map's: with tags, which are memory of the usual type where there is no MTE. */
export function pgprot_tagged(prot: EntryFlags): EntryFlags {
  return prot | PTE_ATTRINDX_MT_NORMAL_TAGGED;
}

/** A page's protection for a block. pgtable.h:519 (v7.2) */
export function mk_pmd_sect_prot(prot: EntryFlags): EntryFlags {
  return prot & ~PTE_TABLE_BIT;
}

/** The entry of a table, which may forbid the kernel to execute all below. mmu.c:204 (v7.2), pgalloc.h:108 */
export function tableProt(k: Arm64Kernel, no_exec: boolean): EntryFlags {
  const forbid = k.has['tables-forbid-exec'] ? TABLE_UXN | (no_exec ? TABLE_PXN : 0) : 0;
  return PTE_TYPE_PAGE | forbid | (k.has['tables-accessed'] ? PTE_AF : 0);
}
