/**
 * Building the direct map and the kernel's own mapping (arch/riscv/mm/init.c). Line numbers are those of v7.2.
 *
 * Until v6.4 a bank of RAM was mapped by leaves of one size, since then each place by the largest that fits. Text,
 * rodata and KFENCE's pool are mapped by themselves then, so that their neighbours' leaves do not take them in.
 *
 * Addresses are physical, in bytes, unless called virtual; ends are exclusive.
 */

import { type EntryFlags, hexAddress, type VirtualAddress } from '../../../../mmu/format.ts';
import { store_entry } from '../../../mm/entry.ts';
import { KFENCE_NUM_OBJECTS, KFENCE_POOL_PAGES } from '../../../mm/kfence/core.ts';
import {
  type MemblockRegion,
  memblock_add,
  memblock_phys_alloc_range,
  memblock_reserve,
} from '../../../mm/memblock.ts';
import { entry_in, entry_none, table_of } from '../../../mm/pgtable.ts';
import type { Task } from '../../../task.ts';
import { alloc_table, type BootState, panic } from '../boot_state.ts';
import { PAGE_SIZE } from '../include/asm/page.ts';
import {
  PAGE_KERNEL,
  PAGE_KERNEL_EXEC,
  PAGE_KERNEL_READ,
  PAGE_KERNEL_READ_EXEC,
  PAGE_TABLE,
  pfn_entry,
} from '../include/asm/pgtable.ts';
import type { RiscvKernel } from '../riscv_kernel.ts';
import { set_memory_nx, set_memory_ro } from './pageattr.ts';

const PTE = 1;
const PMD = 2;
const PUD = 3;
const P4D = 4;

const SZ_4G = 2 ** 32;

/** Bytes that an entry at `level` maps. */
function sizeOf(k: RiscvKernel, level: number): number {
  return 2 ** k.format.levelShift(level);
}

// ---- what there is

/**
 * Effect: memblock knows the RAM that the direct map has room for, and what of it is taken. RAM below the kernel does
 * not count where the direct map starts with the kernel. :217; :157 (v5.10)
 */
export function setup_bootmem(init: BootState, reserved: readonly MemblockRegion[]): void {
  const { k, image, memblock } = init;
  const base = k.page_offset - k.va_pa_offset;
  const room = k.has['page-offset-d8'] && !k.has['linear-map-by-chunks'] ? SZ_4G : 0;
  const limit = base + k.KERN_VIRT_SIZE - (k.format.signExtended ? room : 0);
  let left = k.has['mem-parameter'] ? k.boot.memory_limit : Number.POSITIVE_INFINITY;
  for (const { type, start, end } of k.machine.memory) {
    const from = Math.max(start, base);
    const size = Math.min(Math.min(end, limit) - from, left);
    if (type !== 'RAM' || size <= 0) continue;
    memblock_add(memblock, from, size);
    left -= size;
  }
  for (const { start, end } of reserved) memblock_reserve(memblock, start, end - start);
  if (image !== undefined) reserve_image(init, image.start, image.end, image.cma);
}

/** Nothing else is to lie in the leaf that the kernel ends in, for it may be read-only. */
function reserve_image({ k, memblock }: BootState, start: number, end: number, cma: number): void {
  const padded = k.has['kernel-outside-direct-map'] && k.config.STRICT_KERNEL_RWX;
  const align = padded ? sizeOf(k, PMD) : PAGE_SIZE;
  memblock_reserve(memblock, start, Math.ceil(end / align) * align - start);
  if (cma > 0) memblock_phys_alloc_range(memblock, cma, sizeOf(k, PMD), 0, SZ_4G); // dma_contiguous_reserve()
}

// ---- entries

/**
 * Effect: a leaf of the given level maps `va`, its tables made as needed. A leaf or table that is there already stays.
 * Caller's duty: no larger leaf is there. :687
 */
function create_pgd_mapping(
  init: BootState,
  va: VirtualAddress,
  pa: number,
  leafLevel: number,
  prot: EntryFlags,
): void {
  const { k } = init;
  let table = k.root;
  for (let level = k.format.levels; level > leafLevel; level--) {
    const entry = entry_in(k, table, level, va);
    if (entry_none(k, entry, level)) {
      table = alloc_table(init);
      const { low, high } = pfn_entry(k, level, table / PAGE_SIZE, PAGE_TABLE);
      store_entry(k, entry, low, high);
    } else table = table_of(k, entry, level);
  }
  const entry = entry_in(k, table, leafLevel, va);
  if (!entry_none(k, entry, leafLevel)) return;
  const { low, high } = pfn_entry(k, leafLevel, Math.floor(pa / PAGE_SIZE), prot);
  store_entry(k, entry, low, high);
}

/** The level of the largest leaf that fits at a place. Entries of the top table are never leaves. :713 */
export function best_map_level(k: RiscvKernel, pa: number, va: VirtualAddress, size: number): number {
  const fits = (level: number) => {
    const bytes = sizeOf(k, level);
    return pa % bytes === 0 && va % bytes === 0 && size >= bytes;
  };
  if (k.has['debug-pagealloc-forces-pages'] && k.boot.debug_pagealloc) return PTE;
  if (k.format.levels > P4D && fits(P4D)) return P4D;
  if (k.format.levels > PUD && fits(PUD)) return PUD;
  return fits(PMD) ? PMD : PTE;
}

/** The same for a whole bank, which gets 2M leaves or none. :412 (v5.10), :669 (v6.1) */
function best_map_level_of_bank(k: RiscvKernel, base: number, size: number): number {
  return base % sizeOf(k, PMD) === 0 && size % sizeOf(k, PMD) === 0 ? PMD : PTE;
}

/** What the direct map lets the kernel do: write all but its text. :734; :551 (v5.10) */
function pgprot_from_va(init: BootState, va: VirtualAddress): EntryFlags {
  const { k, image } = init;
  if (!k.has['kernel-outside-direct-map']) return PAGE_KERNEL_EXEC(k);
  if (image === undefined || !k.config.STRICT_KERNEL_RWX) return PAGE_KERNEL(k);
  const text = va >= k.__va(image.start) && va < k.__va(image.init_data_begin);
  return text ? PAGE_KERNEL_READ(k) : PAGE_KERNEL(k);
}

// ---- the direct map

/** Effect: [start, end) is in the direct map, by leaves of one level or of the best at each place. :1194 */
function create_linear_mapping_range(
  init: BootState,
  start: number,
  end: number,
  fixed_level: number | undefined,
): void {
  const { k } = init;
  for (let pa = start; pa < end; ) {
    const va = k.__va(pa);
    const level = fixed_level ?? best_map_level(k, pa, va, end - pa);
    create_pgd_mapping(init, va, pa, level, pgprot_from_va(init, va));
    pa += sizeOf(k, level);
  }
}

/** Effect: the direct map, what is isolated last. :1210 */
function create_linear_mapping_page_table(init: BootState): void {
  const { k, image, memblock } = init;
  const isolated: MemblockRegion[] = [];
  if (image !== undefined && k.config.STRICT_KERNEL_RWX) {
    isolated.push({ start: image.start, end: image.init_data_begin });
    isolated.push({ start: image.start_rodata, end: image.data });
  }
  const pool = early_kfence_pool(init);
  const banks = without(memblock.memory, pool === undefined ? isolated : [...isolated, pool]);
  for (const { start, end } of banks) create_linear_mapping_range(init, start, end, undefined);
  for (const { start, end } of isolated) create_linear_mapping_range(init, start, end, undefined);
  if (pool !== undefined) create_linear_mapping_range(init, pool.start, pool.end, PTE);
}

/**
 * Effect: memory for KFENCE's pool is taken, used or not: who turns KFENCE on later finds a pool that nobody has
 * initialised. A machine made up to be small has no memory to spare. :1233
 */
function early_kfence_pool(init: BootState): MemblockRegion | undefined {
  const { k } = init;
  const wanted = k.has['kfence-pool-at-boot'] && k.config.KFENCE && k.format.signExtended;
  return wanted ? alloc_kfence_pool(init) : undefined;
}

function alloc_kfence_pool({ k, memblock }: BootState): MemblockRegion {
  const size = KFENCE_POOL_PAGES(KFENCE_NUM_OBJECTS) * PAGE_SIZE;
  const start = memblock_phys_alloc_range(memblock, size, PAGE_SIZE, 0, Number.POSITIVE_INFINITY);
  if (start === 0) panic(k, 'BUG_ON(!kfence_pool) in create_linear_mapping_page_table()');
  const pool = { start: start / PAGE_SIZE, end: (start + size) / PAGE_SIZE };
  if (k.boot.kfence_sample_interval > 0) k.kfence_pool = pool;
  else k.kfence.set({ ...k.kfence.get(), pool });
  return { start, end: start + size };
}

/** Effect: where the pool is not set aside before the direct map, it is now. mm/kfence/core.c:843 (v6.1) */
export function kfence_alloc_pool(init: BootState): void {
  const { k } = init;
  const wanted = k.has.kfence && k.config.KFENCE && k.boot.kfence_sample_interval > 0;
  if (wanted && k.kfence_pool === undefined && k.format.signExtended) alloc_kfence_pool(init);
}

function without(regions: readonly MemblockRegion[], taken: readonly MemblockRegion[]): MemblockRegion[] {
  let left = [...regions];
  for (const { start, end } of taken) {
    left = left.flatMap((region) =>
      [
        { start: region.start, end: Math.min(region.end, start) },
        { start: Math.max(region.start, end), end: region.end },
      ].filter((part) => part.start < part.end),
    );
  }
  return left;
}

/** Effect: the direct map, before that was built piece by piece. :551 (v5.10), :1092 (v6.1) */
function map_banks(init: BootState): void {
  const { k, memblock } = init;
  for (const { start, end } of memblock.memory) {
    const level = best_map_level_of_bank(k, start, end - start);
    create_linear_mapping_range(init, start, end, level);
  }
}

/** Effect: the kernel is mapped where it runs, by 2M leaves. :918 */
function create_kernel_page_table(init: BootState): void {
  const { k } = init;
  const map = k.kernel_map;
  if (map === undefined) return;
  const { virt_addr, phys_addr, size } = map;
  for (let va = virt_addr; va < virt_addr + size; va += sizeOf(k, PMD)) {
    const pa = phys_addr + va - virt_addr;
    create_pgd_mapping(init, va, pa, PMD, kernel_pgprot(init, pa));
  }
}

function kernel_pgprot({ k, image }: BootState, pa: number): EntryFlags {
  if (!k.config.STRICT_KERNEL_RWX) return PAGE_KERNEL_EXEC(k);
  return pa < image!.init_data_begin ? PAGE_KERNEL_READ_EXEC(k) : PAGE_KERNEL(k);
}

/** Effect: the kernel's tables are complete, but for the fixmap's. :1266 */
export function setup_vm_final(init: BootState): void {
  const { k } = init;
  k.clear_page(k.root / PAGE_SIZE);
  if (k.has['linear-map-by-chunks']) create_linear_mapping_page_table(init);
  else map_banks(init);
  create_kernel_page_table(init);
}

/**
 * Under debug_pagealloc, before pages were mapped one by one, a free page takes its neighbours with it. @throws
 * InputError if one of those is in use.
 */
export function check_in_use_is_mapped({ k, memblock }: BootState): void {
  for (const { start, end } of memblock.reserved) {
    for (let pa = start; pa < end; pa += PAGE_SIZE) {
      const va = k.__va(pa);
      if (k.leafAt(va) === undefined || k.translate(va) !== undefined) continue;
      panic(k, `debug_pagealloc has unmapped ${hexAddress(va)}, which is in use, with its free neighbours`);
    }
  }
}

// ---- the end of boot

/** num_pages of set_kernel_memory(). set_memory.h:19 */
function pages(start: number, end: number): number {
  return Math.ceil((end - start) / PAGE_SIZE);
}

/**
 * Effect: rodata is read-only, and so is its alias. Where the kernel runs in the direct map: text too, and nothing
 * but text and what lies before it is executable, as far as whole leaves go. Errors are dropped. :751; :625 (v5.10)
 */
export function* mark_rodata_ro(init: BootState): Task<void> {
  const { k, image } = init;
  if (image === undefined) return;
  const { text, etext, start_rodata, data } = image;
  const lm = (pa: number) => k.__va(pa);
  if (k.has['kernel-outside-direct-map']) {
    yield* set_memory_ro(k, k.image_address(start_rodata / PAGE_SIZE), pages(start_rodata, data));
    yield* set_memory_ro(k, lm(start_rodata), pages(start_rodata, data));
    return;
  }
  const max_low = Math.max(...init.memblock.memory.map(({ end }) => end));
  yield* set_memory_ro(k, lm(text), Math.floor((etext - text) / PAGE_SIZE));
  yield* set_memory_ro(k, lm(start_rodata), Math.floor((data - start_rodata) / PAGE_SIZE));
  yield* set_memory_nx(k, lm(start_rodata), Math.floor((data - start_rodata) / PAGE_SIZE));
  yield* set_memory_nx(k, lm(data), Math.floor((max_low - data) / PAGE_SIZE));
}
