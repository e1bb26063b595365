/**
 * The tables that the kernel image brings along (arch/x86/kernel/head_64.S), moved to where the boot loader has put
 * it (head64.c): the image's own mapping, at 0xffffffff80000000.
 *
 *     init_top_pgt[511] -> (level4_kernel_pgt[511] ->) level3_kernel_pgt[510] -> level2_kernel_pgt -> 2M leaves
 *
 * level3_kernel_pgt[511], the fixmap's, is left out, and so are all other entries of init_top_pgt.
 */

import type { EntryFlags, VirtualAddress } from '../../../../mmu/format.ts';
import { _PAGE_GLOBAL, _PAGE_PRESENT, _PAGE_PSE } from '../../../../mmu/x86_64.ts';
import { store_entry } from '../../../mm/entry.ts';
import type { BootState } from '../boot_state.ts';
import { __START_KERNEL_map, KERNEL_IMAGE_SIZE, PAGE_SIZE } from '../include/asm/page_types.ts';
import {
  _KERNPG_TABLE,
  _PAGE_TABLE,
  p4d_offset,
  pfn_pte_high,
  pfn_pte_low,
  pgd_offset_k,
  pud_offset,
} from '../include/asm/pgtable.ts';
import { sme_me_mask } from '../mm/init_64.ts';
import type { X86Kernel } from '../x86_kernel.ts';

const __PAGE_KERNEL_LARGE_EXEC = _KERNPG_TABLE | _PAGE_PSE | _PAGE_GLOBAL;

/** The image mapping's address of a physical one: the inverse of __pa_symbol(). */
export function image_address(k: X86Kernel, physical: number): VirtualAddress {
  return physical - k.phys_base + __START_KERNEL_map;
}

/** Effect: `entry` points to the table at `table`. */
function set_table(k: X86Kernel, entry: number, table: number, prot: EntryFlags): void {
  const pfn = table / PAGE_SIZE;
  const flags = prot | sme_me_mask(k);
  store_entry(k, entry, pfn_pte_low(k, pfn, flags), pfn_pte_high(k, pfn, flags));
}

/** Effect: the image is mapped, writable and executable, by 2M leaves. head_64.S:619, head64.c:233 (v7.2) */
export function startup_64(init: BootState): void {
  const { k, image } = init;
  k.clear_page(image.init_top_pgt / PAGE_SIZE);
  if (image.end === image.text) return;

  const pgd = pgd_offset_k(k, __START_KERNEL_map);
  if (k.pgtable_l5_enabled) {
    k.clear_page(image.level4_kernel_pgt / PAGE_SIZE);
    set_table(k, pgd, image.level4_kernel_pgt, _PAGE_TABLE);
  }
  k.clear_page(image.level3_kernel_pgt / PAGE_SIZE);
  const p4d = p4d_offset(k, pgd, __START_KERNEL_map);
  set_table(k, p4d, image.level3_kernel_pgt, _PAGE_TABLE);
  set_table(k, pud_offset(k, p4d, __START_KERNEL_map), image.level2_kernel_pgt, _KERNPG_TABLE);
  fill_level2_kernel_pgt(init);
}

/** Only what the image occupies is present; the rest names frames as the linker placed them. head64.c:197 (v7.2) */
function fill_level2_kernel_pgt(init: BootState): void {
  const { k, image } = init;
  k.clear_page(image.level2_kernel_pgt / PAGE_SIZE);
  const start = image_address(k, image.text);
  const end = image_address(k, image.end);
  for (let offset = 0; offset < KERNEL_IMAGE_SIZE; offset += k.pmd_size) {
    const vaddr = __START_KERNEL_map + offset;
    const pmd = image.level2_kernel_pgt + (offset / k.pmd_size) * 8;
    if (vaddr + k.pmd_size > start && vaddr <= end) {
      const pfn = (offset + k.phys_base) / PAGE_SIZE;
      const prot = __PAGE_KERNEL_LARGE_EXEC | sme_me_mask(k);
      store_entry(k, pmd, pfn_pte_low(k, pfn, prot), pfn_pte_high(k, pfn, prot));
    } else {
      store_entry(k, pmd, offset | (__PAGE_KERNEL_LARGE_EXEC & ~_PAGE_PRESENT), 0);
    }
  }
}
