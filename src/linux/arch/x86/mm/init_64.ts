/**
 * The direct map's tables (arch/x86/mm/init_64.c), filled in by the boot CPU, which nobody can disturb yet: plain
 * functions, no tasks. Memory hot-add, which comes this way too, is in hotplug.ts.
 *
 * A `pud_page` and the like is the physical address of a table. PMDs and PTEs are indexed by the physical address,
 * what is above them by the virtual one: KASLR moves the direct map by whole PUD entries.
 */

import type { EntryFlags, VirtualAddress } from '../../../../mmu/format.ts';
import {
  _PAGE_ENC,
  _PAGE_GLOBAL,
  _PAGE_NX,
  _PAGE_PRESENT,
  _PAGE_PSE,
  PG_LEVEL_1G,
  PG_LEVEL_2M,
  PG_LEVEL_4K,
} from '../../../../mmu/x86_64.ts';
import { store_entry } from '../../../mm/entry.ts';
import type { Task } from '../../../task.ts';
import { type BootState, completed } from '../boot_state.ts';
import { __START_KERNEL_map, KERNEL_IMAGE_SIZE, PAGE_SIZE } from '../include/asm/page_types.ts';
import {
  _KERNPG_TABLE,
  _PAGE_TABLE,
  pfn_pte_high,
  pfn_pte_low,
  pgd_offset_k,
  pmd_leaf,
  pointer_none,
  pte_pgprot,
  pud_leaf,
} from '../include/asm/pgtable.ts';
import { e820__mapped_any } from '../kernel/e820.ts';
import { image_address } from '../kernel/head_64.ts';
import type { X86Kernel } from '../x86_kernel.ts';
import { alloc_low_page, free_kernel_image_pages } from './init.ts';
import { set_memory_nx, set_memory_ro, set_memory_rw, update_page_count } from './pat/set_memory.ts';

/** The memory-encryption bit that entries carry, or 0. */
export function sme_me_mask(k: X86Kernel): EntryFlags {
  return k.sme_me_mask_high === 0 ? 0 : _PAGE_ENC;
}

/**
 * Present, writable, accessed and dirty, not executable, and global unless PTI is on. asm/pgtable_types.h:247 (v7.2)
 */
export function PAGE_KERNEL(k: X86Kernel): EntryFlags {
  return (_KERNPG_TABLE | _PAGE_GLOBAL | _PAGE_NX | sme_me_mask(k)) & k.__default_kernel_pte_mask;
}

// ---- entries

/** set_pte_init() and its sisters: boot does not replace a present entry by another. init_64.c:80 (v7.2) */
function set_entry_init(k: X86Kernel, entry: number, low: number, high: number): void {
  const old_low = k.memory.low(entry);
  if ((old_low & _PAGE_PRESENT) !== 0 && (old_low !== low || k.memory.high(entry) !== high)) {
    k.warn_once('set_entry_init', 'a present entry of the direct map is replaced by another one');
  }
  store_entry(k, entry, low, high);
}

function set_leaf_init(k: X86Kernel, entry: number, pfn: number, prot: EntryFlags): void {
  set_entry_init(k, entry, pfn_pte_low(k, pfn, prot), pfn_pte_high(k, pfn, prot));
}

/** pmd_populate_kernel_init() and its sisters. */
function populate_init(k: X86Kernel, entry: number, table: number): void {
  set_leaf_init(k, entry, table / PAGE_SIZE, _PAGE_TABLE | sme_me_mask(k));
}

function table_of(k: X86Kernel, entry: number): number {
  return k.format.tableAddress(0, k.memory.low(entry), k.memory.high(entry));
}

function index(k: X86Kernel, address: number, size: number): number {
  return Math.floor(address / size) & k.index_mask;
}

function round_down(address: number, size: number): number {
  return Math.floor(address / size) * size;
}

/**
 * Effect: an entry behind the end of the range is none, unless firmware has memory in [start, end) that somebody may
 * have mapped before: RAM, and since 'e820-keeps-acpi' ACPI tables.
 */
function clear_behind(init: BootState, entry: number, start: number, end: number): void {
  if (e820__mapped_any(init.e820_table, start, end, 'RAM')) return;
  if (init.k.has['e820-keeps-acpi'] && e820__mapped_any(init.e820_table, start, end, 'ACPI')) return;
  set_entry_init(init.k, entry, 0, 0);
}

function count_leaves(k: X86Kernel, level: number, pages: number): void {
  if (pages > 0) completed(k, update_page_count(k, level, pages));
}

// ---- the image's mapping

/** Effect: what of the image mapping is not the image is none. init_64.c:444 (v7.2) */
export function cleanup_highmap(k: X86Kernel): void {
  const { text, brk_end, end, level2_kernel_pgt } = k.image;
  if (end === text) return;
  const last = image_address(k, Math.ceil(brk_end / k.pmd_size) * k.pmd_size) - 1;
  for (let offset = 0; offset < KERNEL_IMAGE_SIZE; offset += k.pmd_size) {
    const vaddr = __START_KERNEL_map + offset;
    const pmd = level2_kernel_pgt + (offset / k.pmd_size) * 8;
    if (pointer_none(k, pmd)) continue;
    if (vaddr < image_address(k, text) || vaddr > last) store_entry(k, pmd, 0, 0);
  }
}

// ---- level by level

/**
 * Effect: [paddr, paddr_end) is mapped in the table, as far as the table goes; what is mapped already stays. Returns
 * where the last new entry ends, or `paddr_end` if there is none. init_64.c:472 (v7.2)
 */
function phys_pte_init(
  init: BootState,
  pte_page: number,
  paddr: number,
  paddr_end: number,
  prot: EntryFlags,
): number {
  const { k } = init;
  let pages = 0;
  let paddr_last = paddr_end;
  let from = paddr;
  for (let i = index(k, paddr, PAGE_SIZE); i < k.ptrs_per_table; i++) {
    const pte = pte_page + i * 8;
    const next = round_down(from, PAGE_SIZE) + PAGE_SIZE;
    if (from >= paddr_end) {
      clear_behind(init, pte, next - PAGE_SIZE, next);
    } else if (!pointer_none(k, pte)) {
      pages++;
    } else {
      pages++;
      set_leaf_init(k, pte, next / PAGE_SIZE - 1, prot);
      paddr_last = next;
    }
    from = next;
  }
  count_leaves(k, PG_LEVEL_4K, pages);
  return paddr_last;
}

/** The same one level up. A 2M leaf covers its whole 2M even if the range does not. init_64.c:523 (v7.2) */
function phys_pmd_init(
  init: BootState,
  pmd_page: number,
  paddr: number,
  paddr_end: number,
  page_size_mask: number,
  prot: EntryFlags,
): number {
  const { k } = init;
  const large = (page_size_mask & (1 << PG_LEVEL_2M)) !== 0;
  let pages = 0;
  let paddr_last = paddr_end;
  let from = paddr;
  for (let i = index(k, paddr, k.pmd_size); i < k.ptrs_per_table; i++) {
    const pmd = pmd_page + i * 8;
    const base = round_down(from, k.pmd_size);
    const next = base + k.pmd_size;
    const old_low = k.memory.low(pmd);
    const none = pointer_none(k, pmd);
    if (from >= paddr_end) {
      clear_behind(init, pmd, base, next);
    } else if (!none && !pmd_leaf(old_low)) {
      paddr_last = phys_pte_init(init, table_of(k, pmd), from, paddr_end, prot);
    } else if (large) {
      pages++;
      if (none) set_leaf_init(k, pmd, base / PAGE_SIZE, prot | _PAGE_PSE);
      paddr_last = next;
    } else {
      const new_prot = none ? prot : pte_pgprot(k, old_low, k.memory.high(pmd)) & ~_PAGE_PSE;
      const pte_page = alloc_low_page(init);
      paddr_last = phys_pte_init(init, pte_page, from, paddr_end, new_prot);
      populate_init(k, pmd, pte_page);
    }
    from = next;
  }
  count_leaves(k, PG_LEVEL_2M, pages);
  return paddr_last;
}

/** The same one level up. An existing 1G leaf is counted each time that it is come by. init_64.c:607 (v7.2) */
function phys_pud_init(
  init: BootState,
  pud_page: number,
  paddr: number,
  paddr_end: number,
  page_size_mask: number,
  prot: EntryFlags,
): number {
  const { k } = init;
  const large = (page_size_mask & (1 << PG_LEVEL_1G)) !== 0;
  let pages = 0;
  let paddr_last = paddr_end;
  let from = paddr;
  for (let i = index(k, k.__va(paddr), k.pud_size); i < k.ptrs_per_table; i++) {
    const pud = pud_page + i * 8;
    const base = round_down(from, k.pud_size);
    const next = base + k.pud_size;
    const old_low = k.memory.low(pud);
    const none = pointer_none(k, pud);
    if (from >= paddr_end) {
      clear_behind(init, pud, base, next);
    } else if (!none && !pud_leaf(k, old_low)) {
      paddr_last = phys_pmd_init(init, table_of(k, pud), from, paddr_end, page_size_mask, prot);
    } else if (large) {
      pages++;
      if (none) set_leaf_init(k, pud, base / PAGE_SIZE, prot | _PAGE_PSE);
      paddr_last = next;
    } else {
      const new_prot = none ? prot : pte_pgprot(k, old_low, k.memory.high(pud)) & ~_PAGE_PSE;
      const pmd_page = alloc_low_page(init);
      paddr_last = phys_pmd_init(init, pmd_page, from, paddr_end, page_size_mask, new_prot);
      populate_init(k, pud, pmd_page);
    }
    from = next;
  }
  count_leaves(k, PG_LEVEL_1G, pages);
  return paddr_last;
}

/**
 * With 4 levels there is no P4D, and the table is a PUD page. The kernel has no bound at the table's end, and with
 * more than 256T would go on at its beginning; a geometry smaller than the hardware's gets there at once.
 * init_64.c:690 (v7.2)
 */
function phys_p4d_init(
  init: BootState,
  p4d_page: number,
  paddr: number,
  paddr_end: number,
  page_size_mask: number,
  prot: EntryFlags,
): number {
  const { k } = init;
  if (!k.pgtable_l5_enabled) return phys_pud_init(init, p4d_page, paddr, paddr_end, page_size_mask, prot);

  let paddr_last = paddr_end;
  const start = k.__va(paddr);
  const vaddr_end = Math.min(k.__va(paddr_end), round_down(start, k.pgdir_size) + k.pgdir_size);
  for (let vaddr = start; vaddr < vaddr_end; vaddr = round_down(vaddr, k.p4d_size) + k.p4d_size) {
    const p4d = p4d_page + index(k, vaddr, k.p4d_size) * 8;
    const none = pointer_none(k, p4d);
    const pud_page = none ? alloc_low_page(init) : table_of(k, p4d);
    paddr_last = phys_pud_init(init, pud_page, vaddr - k.page_offset, paddr_end, page_size_mask, prot);
    if (none) populate_init(k, p4d, pud_page);
  }
  return paddr_last;
}

/**
 * Effect: [paddr_start, paddr_end) is mapped, by leaves as large as `page_size_mask` allows. Returns the last
 * physical address mapped. There is no other top table yet to keep in step. init_64.c:798 (v7.2)
 */
export function kernel_physical_mapping_init(
  init: BootState,
  paddr_start: number,
  paddr_end: number,
  page_size_mask: number,
  prot: EntryFlags,
): number {
  const { k } = init;
  let paddr_last = paddr_end;
  const vaddr_end = k.__va(paddr_end);
  const next = (vaddr: VirtualAddress) => round_down(vaddr, k.pgdir_size) + k.pgdir_size;
  for (let vaddr = k.__va(paddr_start); vaddr < vaddr_end; vaddr = next(vaddr)) {
    const pgd = pgd_offset_k(k, vaddr);
    const none = k.memory.low(pgd) === 0 && k.memory.high(pgd) === 0;
    const p4d_page = none ? alloc_low_page(init) : table_of(k, pgd);
    paddr_last = phys_p4d_init(init, p4d_page, vaddr - k.page_offset, paddr_end, page_size_mask, prot);
    if (none) populate_init(k, pgd, p4d_page);
  }
  return paddr_last;
}

// ---- the end of boot

/**
 * Effect: text and rodata are read-only, in the direct map too; what follows the text is not executable where the
 * image is mapped; the gaps around rodata are free. Errors are dropped. init_64.c:1405 (v7.2)
 */
export function* mark_rodata_ro(k: X86Kernel): Task<void> {
  const image = k.image;
  const start = image_address(k, image.text);
  const end = image_address(k, image.end_rodata_hpage_align);
  const text_end = image_address(k, page_align(image.etext));
  const all_end = image_address(k, Math.ceil(image.brk_end / k.pmd_size) * k.pmd_size);

  yield* set_memory_ro(k, start, (end - start) / PAGE_SIZE);
  k.kernel_set_to_readonly = true;
  yield* set_memory_nx(k, text_end, (all_end - text_end) / PAGE_SIZE);
  if (k.config.CPA_DEBUG) {
    yield* set_memory_rw(k, start, (end - start) / PAGE_SIZE);
    yield* set_memory_ro(k, start, (end - start) / PAGE_SIZE);
  }
  yield* free_kernel_image_pages(k, text_end, image_address(k, page_align(image.start_rodata)));
  yield* free_kernel_image_pages(
    k,
    image_address(k, page_align(image.end_rodata)),
    image_address(k, image.sdata),
  );
}

function page_align(physical: number): number {
  return Math.ceil(physical / PAGE_SIZE) * PAGE_SIZE;
}
