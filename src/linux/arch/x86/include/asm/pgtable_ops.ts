/** Entries as the shared code asks for them (arch/x86/include/asm/pgtable.h). */

import type { EntryFlags } from '../../../../../mmu/format.ts';
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_ENC,
  _PAGE_GLOBAL,
  _PAGE_NX,
  _PAGE_PRESENT,
  _PAGE_PSE,
  _PAGE_RW,
} from '../../../../../mmu/x86_64.ts';
import type { Entry, PageTableOps } from '../../../../mm/pgtable.ts';
import type { X86Kernel } from '../../x86_kernel.ts';
import {
  _PAGE_TABLE,
  entry_none,
  pfn_pte_high,
  pfn_pte_low,
  pgprot_4k_2_large,
  pmd_leaf,
  pmd_present,
  pte_present,
  pud_leaf,
  pud_present,
} from './pgtable.ts';

/** PAGE_KERNEL. */
function page_kernel(k: X86Kernel): EntryFlags {
  const enc = k.sme_me_mask_high === 0 ? 0 : _PAGE_ENC;
  const prot = _PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_GLOBAL | _PAGE_NX | enc;
  return prot & k.__default_kernel_pte_mask;
}

function entry(k: X86Kernel, pfn: number, prot: EntryFlags): Entry {
  return { low: pfn_pte_low(k, pfn, prot), high: pfn_pte_high(k, pfn, prot) };
}

export function x86PageTableOps(k: X86Kernel): PageTableOps {
  return {
    none: (_level, low, high) => entry_none(low, high),
    present(level, low) {
      if (level === 1) return pte_present(low);
      return level === 2 ? pmd_present(low) : pud_present(low);
    },
    leaf(level, low) {
      if (level <= 2) return level === 1 || pmd_leaf(low);
      return level === 3 && pud_leaf(k, low);
    },
    table: (_level, address) => entry(k, address / 4096, _PAGE_TABLE),
    kernelLeaf(level, pfn) {
      const prot = page_kernel(k);
      return entry(k, pfn, level === 1 ? prot : pgprot_4k_2_large(prot) | _PAGE_PSE);
    },
  };
}
