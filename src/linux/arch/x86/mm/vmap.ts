/**
 * vmalloc's part of the kernel's tables: the walkers of mm/vmalloc.c and what they use of arch/x86/mm/pgtable.c.
 * Line numbers are those of v7.2's mm/vmalloc.c unless another file is named.
 */

import { type EntryFlags, EntryKind, type VirtualAddress } from '../../../../mmu/format.ts';
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_ENC,
  _PAGE_GLOBAL,
  _PAGE_NX,
  _PAGE_PRESENT,
  _PAGE_PSE,
  _PAGE_RW,
} from '../../../../mmu/x86_64.ts';
import { ENOMEM } from '../../../errno.ts';
import { pte_alloc_one_kernel, pte_free_kernel } from '../../../mm/pagetable.ts';
import type { Task } from '../../../task.ts';
import { PAGE_SIZE } from '../include/asm/page_types.ts';
import {
  _PAGE_TABLE,
  p4d_offset,
  pgd_none,
  pgd_offset_k,
  pgprot_4k_2_large,
  pmd_offset,
  pointer_none,
  pte_offset_kernel,
  pud_leaf,
  pud_offset,
  set_entry,
  set_pfn,
} from '../include/asm/pgtable.ts';
import type { X86Kernel } from '../x86_kernel.ts';
import { flush_tlb_kernel_range } from './tlb.ts';

const HARDWARE_INDEX_BITS = 9;

/** 0xffffc90000000000, or 0xffa0000000000000 with 5 levels (asm/pgtable_64_types.h). */
const __VMALLOC_BASE_L4: VirtualAddress = -0x3700_0000_0000;
const __VMALLOC_BASE_L5: VirtualAddress = -0x60_0000_0000_0000;
const VMALLOC_SIZE_TB_L4 = 32;
const VMALLOC_SIZE_TB_L5 = 12800;

/** Without KASLR. On a machine smaller than hardware: the last quarter of what the tables can map. */
export function vmalloc_start(k: X86Kernel): VirtualAddress {
  if (k.machine.index_bits !== HARDWARE_INDEX_BITS) return (-k.pgdir_size * k.ptrs_per_table) / 4;
  return k.pgtable_l5_enabled ? __VMALLOC_BASE_L5 : __VMALLOC_BASE_L4;
}

/** One past the last address. */
export function vmalloc_end(k: X86Kernel): VirtualAddress {
  if (k.machine.index_bits !== HARDWARE_INDEX_BITS) return 0;
  const terabytes = k.pgtable_l5_enabled ? VMALLOC_SIZE_TB_L5 : VMALLOC_SIZE_TB_L4;
  return vmalloc_start(k) + terabytes * 2 ** 40;
}

/** PAGE_KERNEL. */
function page_kernel(k: X86Kernel): EntryFlags {
  const enc = k.sme_me_mask_high === 0 ? 0 : _PAGE_ENC;
  const prot = _PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_GLOBAL | _PAGE_NX | enc;
  return prot & k.__default_kernel_pte_mask;
}

/** Effect: every address from `address` on maps the next page, by leaves of 2^order pages. Failure: -ENOMEM. :681 */
export function* vmap_pages_range_noflush(
  k: X86Kernel,
  address: VirtualAddress,
  pages: readonly number[],
  order: number,
): Task<number> {
  for (let i = 0; i < pages.length; i += 2 ** order) {
    const addr = address + i * PAGE_SIZE;
    const pmd = yield* pmd_alloc(k, addr);
    if (pmd === 0) return -ENOMEM;
    if (order > 0) {
      yield* pmd_set_huge(k, pmd, addr, pages[i]!);
    } else {
      if (!(yield* table_alloc(k, pmd, 1, addr))) return -ENOMEM;
      yield* set_pfn(k, pte_offset_kernel(k, pmd, addr), pages[i]!, page_kernel(k));
    }
  }
  return 0;
}

/** Effect: `pmd` is a 2M leaf; a table that it pointed to, empty by now, is free. pgtable.c:653, :773 (v7.2) */
function* pmd_set_huge(k: X86Kernel, pmd: number, address: VirtualAddress, pfn: number): Task<void> {
  if (!pointer_none(k, pmd)) {
    const table = k.format.tableAddress(2, k.memory.low(pmd), k.memory.high(pmd)) / PAGE_SIZE;
    yield* set_entry(k, pmd, 0, 0);
    yield* flush_tlb_kernel_range(k, address, address + PAGE_SIZE);
    yield* pte_free_kernel(k, table);
  }
  yield* set_pfn(k, pmd, pfn, pgprot_4k_2_large(page_kernel(k)) | _PAGE_PSE);
}

/** The PMD entry of an address, its tables made as needed; 0 if one cannot be had. */
function* pmd_alloc(k: X86Kernel, address: VirtualAddress): Task<number> {
  const pgd = pgd_offset_k(k, address);
  if (k.pgtable_l5_enabled && !(yield* table_alloc(k, pgd, 4, address))) return 0;
  const p4d = p4d_offset(k, pgd, address);
  if (!(yield* table_alloc(k, p4d, 3, address))) return 0;
  const pud = pud_offset(k, p4d, address);
  if (!(yield* table_alloc(k, pud, 2, address))) return 0;
  return pmd_offset(k, pud, address);
}

/** Effect: `parent` points to a table for `level`. False if there is no page for it. */
function* table_alloc(k: X86Kernel, parent: number, level: number, address: VirtualAddress): Task<boolean> {
  if (!pointer_none(k, parent)) return true;
  const covers = k.ptrs_per_table * 2 ** k.format.levelShift(level);
  const table = yield* pte_alloc_one_kernel(k, { level, address: Math.floor(address / covers) * covers });
  if (table === undefined) return false;
  yield* set_pfn(k, parent, table, _PAGE_TABLE);
  return true;
}

/** Effect: nothing is mapped in [start, end). Tables stay. :503 */
export function* vunmap_range_noflush(k: X86Kernel, start: VirtualAddress, end: VirtualAddress): Task<void> {
  for (let addr = start; addr < end; ) {
    const next = Math.min(end, (Math.floor(addr / k.pmd_size) + 1) * k.pmd_size);
    const pmd = pmd_of(k, addr);
    if (pmd !== 0) yield* vunmap_pmd(k, pmd, addr, next);
    addr = next;
  }
}

function* vunmap_pmd(k: X86Kernel, pmd: number, start: VirtualAddress, end: VirtualAddress): Task<void> {
  if (k.format.kind(2, k.memory.low(pmd), k.memory.high(pmd)) !== EntryKind.Table) {
    yield* set_entry(k, pmd, 0, 0);
    return;
  }
  for (let addr = start; addr < end; addr += PAGE_SIZE) {
    const pte = pte_offset_kernel(k, pmd, addr);
    if (!pointer_none(k, pte)) yield* set_entry(k, pte, 0, 0);
  }
}

/** The PMD entry of an address, if there are tables for it and it is not none; else 0. */
function pmd_of(k: X86Kernel, address: VirtualAddress): number {
  const pgd = pgd_offset_k(k, address);
  if (pgd_none(k, pgd)) return 0;
  const p4d = p4d_offset(k, pgd, address);
  if (pointer_none(k, p4d)) return 0;
  const pud = pud_offset(k, p4d, address);
  if (pointer_none(k, pud) || pud_leaf(k, k.memory.low(pud))) return 0;
  const pmd = pmd_offset(k, pud, address);
  return pointer_none(k, pmd) ? 0 : pmd;
}
