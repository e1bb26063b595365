/** What KASLR of the direct map costs its tables (arch/x86/mm/kaslr.c). Where it goes is the caller's choice. */

import { store_entry } from '../../../mm/entry.ts';
import type { BootState } from '../boot_state.ts';
import {
  _KERNPG_TABLE,
  p4d_offset,
  pfn_pte_high,
  pfn_pte_low,
  pgd_offset_k,
  pud_offset,
} from '../include/asm/pgtable.ts';
import { alloc_low_page } from './init.ts';
import { sme_me_mask } from './init_64.ts';

/**
 * Effect: the real-mode trampoline has a PUD page of its own, with the direct map's first entry, and with 5 levels a
 * P4D page above it. Nothing of the kernel's own tables changes. kaslr.c:171 (v7.2)
 */
export function init_trampoline_kaslr(init: BootState): void {
  const { k } = init;
  const pud_page_tramp = alloc_low_page(init);
  const vaddr = k.__va(0);
  const pud = pud_offset(k, p4d_offset(k, pgd_offset_k(k, vaddr), vaddr), vaddr);
  store_entry(k, pud_page_tramp, k.memory.low(pud), k.memory.high(pud));
  if (!k.pgtable_l5_enabled) return;

  const p4d_page_tramp = alloc_low_page(init);
  const prot = _KERNPG_TABLE | sme_me_mask(k);
  const pfn = pud_page_tramp / 4096;
  store_entry(k, p4d_page_tramp, pfn_pte_low(k, pfn, prot), pfn_pte_high(k, pfn, prot));
}
