/**
 * Which memory the direct map gets, in which order, by leaves of which size, and where its tables come from
 * (arch/x86/mm/init.c). Runs on the boot CPU alone, so that only what edits the map afterwards is a task.
 *
 * Addresses are physical and in bytes unless a name says `pfn`; ends are exclusive.
 */

import type { EntryFlags, VirtualAddress } from '../../../../mmu/format.ts';
import { _PAGE_DIRTY, _PAGE_GLOBAL, PG_LEVEL_1G, PG_LEVEL_2M } from '../../../../mmu/x86_64.ts';
import { write_page } from '../../../mm/access.ts';
import { store_entry } from '../../../mm/entry.ts';
import {
  memblock_find_in_range,
  memblock_is_region_memory,
  memblock_phys_alloc_range,
} from '../../../mm/memblock.ts';
import { free_reserved_page } from '../../../mm/page_alloc.ts';
import type { Task } from '../../../task.ts';
import { type BootState, panic } from '../boot_state.ts';
import { PAGE_SIZE } from '../include/asm/page_types.ts';
import { maxmem } from '../kernel/e820.ts';
import { image_address } from '../kernel/head_64.ts';
import type { X86Kernel } from '../x86_kernel.ts';
import { kernel_physical_mapping_init, PAGE_KERNEL } from './init_64.ts';
import { init_trampoline_kaslr } from './kaslr.ts';
import {
  lookup_address,
  set_memory_np,
  set_memory_np_noalias,
  set_memory_nx,
  set_memory_rw,
} from './pat/set_memory.ts';
import { pti_enabled } from './pti.ts';
import { __flush_tlb_all } from './tlb.ts';

const ISA_END_ADDRESS = 0x100000;

// ---- pages for tables

/**
 * Effect: an empty page for a table: from the brk area, then from memblock, the highest free one of what is mapped
 * already. The brk area is closed by then, so that it cannot give more. init.c:126 (v7.2)
 */
export function alloc_low_page(init: BootState): number {
  const { k, memblock } = init;
  let page: number;
  if (init.pgt_buf_end < init.pgt_buf_top && init.can_use_brk_pgt) {
    page = init.pgt_buf_end * PAGE_SIZE;
    init.pgt_buf_end++;
  } else {
    const start = init.min_pfn_mapped * PAGE_SIZE;
    page = memblock_phys_alloc_range(memblock, PAGE_SIZE, PAGE_SIZE, start, k.max_pfn_mapped * PAGE_SIZE);
    if (page === 0)
      panic(k, `${init.can_use_brk_pgt ? 'extend_brk' : 'alloc_low_pages'}: can not alloc memory`);
  }
  k.clear_page(page / PAGE_SIZE);
  return page;
}

/**
 * How many pages the brk area sets aside for tables: enough for two chains of tables, or with KASLR four. In a
 * geometry smaller than the hardware's, where 1M takes many tables, enough for all, so that none takes RAM.
 */
function init_pgd_page_count(k: X86Kernel): number {
  if (k.machine.index_bits < 9) return 2 * k.ptrs_per_table ** k.format.levels;
  const for_5_levels = k.has['brk-tables-8'] || (k.has['brk-tables-for-5-levels'] && k.config.X86_5LEVEL);
  return (for_5_levels ? 4 : 3) * (k.config.RANDOMIZE_MEMORY ? 4 : 2);
}

/** init.c:187 (v7.2) */
export function early_alloc_pgt_buf(init: BootState): void {
  init.pgt_buf_end = init.image.brk_base / PAGE_SIZE;
  init.pgt_buf_top = init.pgt_buf_end + init_pgd_page_count(init.k);
}

// ---- leaf sizes

/** A piece of a range, with the levels that it may be mapped at, as a mask of 1 << level; 4K goes without saying. */
export interface MapRange {
  start: number;
  end: number;
  page_size_mask: number;
}

/**
 * Effect: k.page_size_mask says which large leaves there may be. None under debug_pagealloc, which must never split.
 * init.c:224 (v7.2)
 */
export function probe_page_size_mask(k: X86Kernel): void {
  k.page_size_mask = 0;
  if (k.debug_pagealloc_enabled()) k.direct_gbpages = false;
  else k.page_size_mask |= 1 << PG_LEVEL_2M;

  k.__default_kernel_pte_mask = k.__supported_pte_mask;
  if (pti_enabled(k)) k.__default_kernel_pte_mask &= ~_PAGE_GLOBAL;

  k.direct_gbpages &&= k.machine.features.gbpages;
  if (!k.direct_gbpages) return;
  k.printk('info', 'Using GB pages for direct mapping');
  k.page_size_mask |= 1 << PG_LEVEL_1G;
}

/**
 * [start, end) in up to five pieces: what is left over at either end goes by 4K, up to the next 1G by 2M, what lies
 * between by 1G; then a piece that is all RAM together with its surroundings gets the larger size. init.c:401 (v7.2)
 */
export function split_mem_range(
  init: Pick<BootState, 'k' | 'memblock'>,
  start: number,
  end: number,
): MapRange[] {
  const { k } = init;
  const limit = round_down(end, PAGE_SIZE);
  const pmd_limit = round_down(limit, k.pmd_size);
  const pieces: MapRange[] = [];
  let from = round_down(start, PAGE_SIZE);
  const save_mr = (first: number, last: number, wanted: number) => {
    if (first >= last) return;
    pieces.push({ start: first, end: last, page_size_mask: k.page_size_mask & wanted });
    from = last;
  };
  const by_2M = 1 << PG_LEVEL_2M;
  const by_1G = by_2M | (1 << PG_LEVEL_1G);

  save_mr(from, Math.min(round_up(from, k.pmd_size), limit), 0);
  save_mr(round_up(from, k.pmd_size), Math.min(round_up(from, k.pud_size), pmd_limit), by_2M);
  save_mr(round_up(from, k.pud_size), round_down(limit, k.pud_size), by_1G);
  save_mr(round_up(from, k.pmd_size), pmd_limit, by_2M);
  save_mr(from, limit, 0);

  for (const piece of pieces) adjust_range_page_size_mask(init, piece);
  return merged(pieces);
}

/** Effect: a small piece may go by a large leaf if all that the leaf would cover is RAM. init.c:346 (v7.2) */
function adjust_range_page_size_mask(init: Pick<BootState, 'k' | 'memblock'>, piece: MapRange): void {
  const { k } = init;
  for (const [level, size] of [
    [PG_LEVEL_2M, k.pmd_size],
    [PG_LEVEL_1G, k.pud_size],
  ] as const) {
    if ((k.page_size_mask & ~piece.page_size_mask & (1 << level)) === 0) continue;
    const start = round_down(piece.start, size);
    const end = round_up(piece.end, size);
    if (memblock_is_region_memory(init.memblock, start, end - start)) piece.page_size_mask |= 1 << level;
  }
}

function merged(pieces: readonly MapRange[]): MapRange[] {
  const result: MapRange[] = [];
  for (const piece of pieces) {
    const last = result.at(-1);
    if (last?.end === piece.start && last.page_size_mask === piece.page_size_mask) last.end = piece.end;
    else result.push(piece);
  }
  return result;
}

function round_down(address: number, size: number): number {
  return Math.floor(address / size) * size;
}

function round_up(address: number, size: number): number {
  return Math.ceil(address / size) * size;
}

// ---- what is mapped

/** Effect: pfn_mapped[] has the range too, as part of one that it overlaps or touches. init.c:504 (v7.2) */
export function add_pfn_range_mapped(k: X86Kernel, start_pfn: number, end_pfn: number): void {
  k.max_pfn_mapped = Math.max(k.max_pfn_mapped, end_pfn);
  if (start_pfn >= end_pfn) return;
  const touching = k.pfn_mapped.filter(({ start, end }) => start <= end_pfn && start_pfn <= end);
  const start = Math.min(start_pfn, ...touching.map((range) => range.start));
  const end = Math.max(end_pfn, ...touching.map((range) => range.end));
  const rest = k.pfn_mapped.filter((range) => !touching.includes(range));
  k.pfn_mapped = [...rest, { start, end }].sort((a, b) => a.start - b.start);
}

/** Effect: [start, end) is in the direct map, RAM or not. init.c:534 (v7.2) */
export function init_memory_mapping(init: BootState, start: number, end: number, prot: EntryFlags): void {
  let ret = 0;
  for (const piece of split_mem_range(init, start, end)) {
    ret = kernel_physical_mapping_init(init, piece.start, piece.end, piece.page_size_mask, prot);
  }
  add_pfn_range_mapped(init.k, Math.floor(start / PAGE_SIZE), Math.floor(ret / PAGE_SIZE));
}

/**
 * Effect: what of [r_start, r_end) is RAM is in the direct map. Returns how many bytes that was. The page with the
 * brk area's spare tables is not mapped with tables from itself. init.c:570 (v7.2)
 */
function init_range_memory_mapping(init: BootState, r_start: number, r_end: number): number {
  let mapped_ram_size = 0;
  for (const region of [...init.memblock.memory]) {
    const start = Math.max(region.start, r_start);
    const end = Math.min(region.end, r_end);
    if (start >= end) continue;
    const brk_start = Math.max(start, init.pgt_buf_end * PAGE_SIZE);
    const brk_end = Math.min(end, init.pgt_buf_top * PAGE_SIZE);
    init.can_use_brk_pgt = brk_start >= brk_end;
    init_memory_mapping(init, start, end, PAGE_KERNEL(init.k));
    mapped_ram_size += end - start;
    init.can_use_brk_pgt = true;
  }
  return mapped_ram_size;
}

/** So much more that what has just been mapped has room for its tables. init.c:598 (v7.2) */
function get_new_step_size(k: X86Kernel, step_size: number): number {
  return step_size * (k.ptrs_per_table / 2);
}

/**
 * Effect: RAM in [map_start, map_end) is mapped from the highest free 2M down, then what lies above that, so that
 * tables lie at the end of memory. init.c:627 (v7.2)
 */
function memory_map_top_down(init: BootState, map_start: number, map_end: number): void {
  const { k } = init;
  const real_end = end_of_first_step(init, map_start, map_end);
  let step_size = k.pmd_size;
  let mapped_ram_size = 0;
  let last_start = real_end;
  k.max_pfn_mapped = 0;
  init.min_pfn_mapped = real_end / PAGE_SIZE;
  while (last_start > map_start) {
    const below = last_start > step_size ? round_down(last_start - 1, step_size) : map_start;
    const start = Math.max(map_start, below);
    mapped_ram_size += init_range_memory_mapping(init, start, last_start);
    last_start = start;
    init.min_pfn_mapped = last_start / PAGE_SIZE;
    if (mapped_ram_size >= step_size) step_size = get_new_step_size(k, step_size);
  }
  if (real_end < map_end) init_range_memory_mapping(init, real_end, map_end);
}

function end_of_first_step(init: BootState, map_start: number, map_end: number): number {
  const { k, memblock } = init;
  const addr = memblock_find_in_range(memblock, map_start, map_end, k.pmd_size, k.pmd_size);
  if (addr !== 0 || !k.has['top-down-clamped']) return addr + k.pmd_size;
  k.printk('warn', 'Failed to release memory for alloc_low_pages()');
  return Math.max(map_start, round_down(map_end, k.pmd_size));
}

/** Effect: RAM in [map_start, map_end) is mapped upwards, in steps that grow as above. init.c:697 (v7.2) */
function memory_map_bottom_up(init: BootState, map_start: number, map_end: number): void {
  const { k } = init;
  let step_size = k.pmd_size;
  let mapped_ram_size = 0;
  let start = map_start;
  init.min_pfn_mapped = start / PAGE_SIZE;
  while (start < map_end) {
    const next =
      map_end - start > step_size ? Math.min(map_end, round_down(start, step_size) + step_size) : map_end;
    mapped_ram_size += init_range_memory_mapping(init, start, next);
    start = next;
    if (mapped_ram_size >= step_size) step_size = get_new_step_size(k, step_size);
  }
}

/** Without KASLR the trampoline's table shares the direct map's first PUD page, and takes none. init.c:743 (v7.2) */
function init_trampoline(init: BootState): void {
  const { k } = init;
  if (k.config.RANDOMIZE_MEMORY && !k.boot.nokaslr) init_trampoline_kaslr(init);
}

/**
 * Effect: the direct map: the first 1M whatever it is, then all RAM. With movable_node upwards from the end of the
 * image, and then what is below. init.c:758 (v7.2)
 */
export function init_mem_mapping(init: BootState): void {
  const { k } = init;
  probe_page_size_mask(k);
  const end = init.max_pfn * PAGE_SIZE;
  const isa_end = Math.min(ISA_END_ADDRESS, maxmem(k));
  init_memory_mapping(init, 0, isa_end, PAGE_KERNEL(k));
  init_trampoline(init);
  if (init.memblock.bottom_up) {
    const kernel_end = Math.max(isa_end, round_up(init.image.end, PAGE_SIZE));
    memory_map_bottom_up(init, kernel_end, end);
    memory_map_bottom_up(init, isa_end, kernel_end);
  } else if (end > isa_end) {
    memory_map_top_down(init, isa_end, end);
  }
  __flush_tlb_all(k);
}

// ---- the end of boot

/**
 * Effect: the pages are free, writable and not executable; under debug_pagealloc not present instead, for ever, and
 * not free. `begin` may be an address of the direct map or of the image mapping. Errors are dropped. init.c:897
 * (v7.2)
 */
export function* free_init_pages(k: X86Kernel, begin: VirtualAddress, end: VirtualAddress): Task<void> {
  const numpages = (end - begin) / PAGE_SIZE;
  if (numpages <= 0) return;
  if (k.debug_pagealloc_enabled()) {
    yield* set_memory_np(k, begin, numpages);
    return;
  }
  yield* set_memory_nx(k, begin, numpages);
  yield* set_memory_rw(k, begin, numpages);
  yield* free_reserved_area(k, begin, end);
}

/**
 * Effect: the pages are filled with poison, and free. The CPU notes in the direct map's entries that they are dirty,
 * which set_memory_rw() had not put back. mm/memblock.c:933 (v7.2), mm/page_alloc.c:7722 (v5.10)
 */
function* free_reserved_area(k: X86Kernel, begin: VirtualAddress, end: VirtualAddress): Task<void> {
  const first = k.__pa(begin) / PAGE_SIZE;
  const last = k.__pa(end) / PAGE_SIZE;
  for (let page = first; page < last; page++) {
    yield* write_page(k, page);
    yield* set_dirty(k, k.page_address(page));
    yield* free_reserved_page(k, page);
  }
}

/** Effect: what the CPU does to the entry when it writes through a translation for the first time. */
function* set_dirty(k: X86Kernel, address: VirtualAddress): Task<void> {
  const { kpte } = yield* lookup_address(k, address);
  const low = k.memory.low(kpte);
  if ((low & _PAGE_DIRTY) === 0) store_entry(k, kpte, low | _PAGE_DIRTY, k.memory.high(kpte));
}

/** Effect: as above; under PTI the image mapping of the pages goes, and the direct map's stays. init.c:946 (v7.2) */
export function* free_kernel_image_pages(
  k: X86Kernel,
  begin: VirtualAddress,
  end: VirtualAddress,
): Task<void> {
  yield* free_init_pages(k, begin, end);
  if (pti_enabled(k) && end > begin) yield* set_memory_np_noalias(k, begin, (end - begin) / PAGE_SIZE);
}

/**
 * Effect: the init sections are free, and before them the unused rest of .bss..decrypted, if the image has one.
 * init.c:973, mem_encrypt_amd.c:543 (v7.2)
 */
export function* free_initmem(
  k: X86Kernel,
  bss_decrypted_unused: { start: number; end: number } | undefined,
): Task<void> {
  if (bss_decrypted_unused !== undefined) {
    const { start, end } = bss_decrypted_unused;
    yield* free_init_pages(k, image_address(k, start), image_address(k, end));
  }
  const { init_begin, init_end } = k.image;
  yield* free_kernel_image_pages(k, image_address(k, init_begin), image_address(k, init_end));
}
