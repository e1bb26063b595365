/** Tests and making of entries (arch/arm64/include/asm/pgtable.h). */

import { PTE_NG, PTE_TABLE_BIT, PTE_VALID } from '../../../../../mmu/arm64.ts';
import type { EntryFlags } from '../../../../../mmu/format.ts';
import type { Entry, PageTableOps } from '../../../../mm/pgtable.ts';
import type { Arm64Kernel } from '../../arm64_kernel.ts';
import { mk_pmd_sect_prot, PAGE_KERNEL, pgprot, tableProt } from './pgtable_prot.ts';

const PTE_TYPE_MASK = PTE_VALID | PTE_TABLE_BIT;
/** Software bits of entries without VALID, before PTE_PRESENT_INVALID: 58 of user pages, 59 of user blocks. */
const PTE_PROT_NONE_HIGH = 1 << 26;
const PMD_PRESENT_INVALID_HIGH = 1 << 27;

export function pte_valid(low: number): boolean {
  return (low & PTE_VALID) !== 0;
}

/** :146, :580, :874 (v7.2); :97, :406 (v5.10) */
export function pte_present(k: Arm64Kernel, low: number, high: number): boolean {
  if (pte_valid(low)) return true;
  if (k.has['present-invalid']) return (low & PTE_NG) !== 0;
  return (high & (PTE_PROT_NONE_HIGH | PMD_PRESENT_INVALID_HIGH)) !== 0;
}

/** pmd_table(), pud_table(): :779 (v7.2) */
export function entry_is_table(low: number): boolean {
  return (low & PTE_TYPE_MASK) === PTE_TYPE_MASK;
}

/** pmd_leaf(), pud_leaf(): :783 (v7.2), :520 (v5.10). Levels above have no blocks. */
export function is_leaf(k: Arm64Kernel, level: number, low: number, high: number): boolean {
  return level <= 3 && pte_present(k, low, high) && !entry_is_table(low);
}

/** The entry for an address: pfn_pte() and its sisters, __phys_to_pte_val(). */
export function phys_entry(k: Arm64Kernel, physical: number, prot: EntryFlags): Entry {
  const { low, high } = pgprot(prot);
  const below = physical % 2 ** 32;
  const above = Math.floor(physical / 2 ** 32);
  if (k.format.lpa2) return { low: below | low | ((above >>> 18) << 8), high: (above & 0x3_ffff) | high };
  if (k.format.pageShift === 16)
    return { low: below | low | ((above >>> 16) << 12), high: (above & 0xffff) | high };
  return { low: below | low, high: above | high };
}

export function pfn_entry(k: Arm64Kernel, pfn: number, prot: EntryFlags): Entry {
  return phys_entry(k, pfn * k.page_size, prot);
}

export function arm64PageTableOps(k: Arm64Kernel): PageTableOps {
  return {
    none: (_level, low, high) => low === 0 && high === 0,
    present: (_level, low, high) => pte_present(k, low, high),
    leaf: (level, low, high) => level === 1 || is_leaf(k, level, low, high),
    table: (_level, address) => phys_entry(k, address, tableProt(k, false)),
    kernelLeaf(level, pfn) {
      const prot = PAGE_KERNEL(k);
      return pfn_entry(k, pfn, level === 1 ? prot : mk_pmd_sect_prot(prot));
    },
  };
}
