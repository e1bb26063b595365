/**
 * The direct map as boot makes it, and what it makes read-only of it (arch/arm64/mm/mmu.c). Line numbers are those of v7.2;
 * where another version has a function of its own, its line is named.
 */

import type { EntryFlags, VirtualAddress } from '../../../../mmu/format.ts';
import { KFENCE_NUM_OBJECTS, KFENCE_POOL_PAGES } from '../../../mm/kfence/core.ts';
import { type MemblockRegion, memblock_phys_alloc_range } from '../../../mm/memblock.ts';
import { halt, type Task } from '../../../task.ts';
import type { Arm64Kernel } from '../arm64_kernel.ts';
import { type BootState, completed, panic, TABLES_OUT_OF_THE_WAY } from '../boot_state.ts';
import { PAGE_KERNEL, PAGE_KERNEL_RO, pgprot_tagged } from '../include/asm/pgtable_prot.ts';
import { defer_reserve_crashkernel } from './init.ts';
import {
  __create_pgd_mapping,
  force_pte_mapping,
  type Mapping,
  NO_BLOCK_MAPPINGS,
  NO_CONT_MAPPINGS,
  NO_EXEC_MAPPINGS,
} from './mmu.ts';
import { can_set_direct_map } from './pageattr.ts';

const BY_PAGES = NO_BLOCK_MAPPINGS | NO_CONT_MAPPINGS;

/** A page for a table: the highest that nobody has. Failure: the machine dies. :106 */
export function* early_pgtable_alloc({ k, memblock }: BootState): Task<number> {
  const phys = memblock_phys_alloc_range(memblock, k.page_size, k.page_size, 0, 2 ** 52);
  return phys === 0 ? panic(k, 'Failed to allocate page table page') : phys;
}

/** In a small geometry tables lie outside of RAM, and so take none of it. */
export function tables_out_of_the_way(k: Arm64Kernel): () => Task<number> {
  let next = TABLES_OUT_OF_THE_WAY;
  return function* () {
    next += k.page_size;
    return next;
  };
}

function __map_memblock(init: BootState, range: MemblockRegion, prot: EntryFlags, flags: number): void {
  const { k } = init;
  const mapping: Mapping = { prot, flags, pgtable_alloc: init.early_pgtable_alloc };
  const { start, end } = range;
  completed(k, __create_pgd_mapping(k, start, k.__va(start), end - start, mapping));
}

/** Effect: memory is mapped. :1141, :580 (v6.1), :496 (v5.10) */
export function map_mem(init: BootState): void {
  if (init.k.has['map-mem-overlaps']) map_mem_overlapping(init);
  else map_mem_around_image(init);
}

/** The alias of the image first, so that it can be remapped without a split, and all banks over it. :1141 */
function map_mem_overlapping(init: BootState): void {
  const { k, image, memblock } = init;
  const prot = pgprot_tagged(PAGE_KERNEL(k));
  const pool = arm64_kfence_alloc_pool(init);
  if (pool !== undefined) __map_memblock(init, pool, prot, BY_PAGES | NO_EXEC_MAPPINGS);
  const force = force_pte_mapping(k);
  k.linear_map_requires_bbml2 = k.has['linear-map-split'] && !force && can_set_direct_map(k);
  const flags = NO_EXEC_MAPPINGS | (force ? BY_PAGES : 0);
  if (image !== undefined) {
    __map_memblock(init, { start: image.text, end: image.init_begin }, prot, flags);
    __map_memblock(init, { start: image.init_end, end: pageAlign(k, image.bss_stop) }, prot, flags);
  }
  for (const bank of memblock.memory) __map_memblock(init, bank, prot, flags);
}

/** The banks without the image, and what else is mapped apart; then those. :623 (v6.12), :580 (v6.1), :496 (v5.10) */
function map_mem_around_image(init: BootState): void {
  const { k, image, memblock } = init;
  const pool = arm64_kfence_alloc_pool(init);
  const byPages = mapsByPages(k) || hasLateCrashkernel(k);
  k.linear_map_requires_bbml2 = k.has['linear-map-split'] && !byPages && can_set_direct_map(k);
  const exec = k.has['tables-forbid-exec'] ? NO_EXEC_MAPPINGS : 0;
  const alias = image === undefined ? undefined : imageAlias(k, image);
  const apart = [alias, init.crashk_res, pool];

  const flags = exec | (byPages ? BY_PAGES : 0);
  const tagged = pgprot_tagged(PAGE_KERNEL(k));
  for (const bank of without(memblock.memory, apart)) __map_memblock(init, bank, tagged, flags);
  if (alias !== undefined) __map_memblock(init, alias, PAGE_KERNEL(k), NO_CONT_MAPPINGS);
  if (init.crashk_res !== undefined) __map_memblock(init, init.crashk_res, PAGE_KERNEL(k), BY_PAGES);
  if (pool !== undefined) __map_memblock(init, pool, tagged, BY_PAGES);
}

/** What of the image is mapped apart: from _text or _stext to __init_begin. */
function imageAlias(
  k: Arm64Kernel,
  image: { text: number; stext: number; init_begin: number },
): MemblockRegion {
  const fromStext = k.has['image-alias-from-stext'] && !k.has['image-alias-from-text'];
  return { start: fromStext ? image.stext : image.text, end: image.init_begin };
}

/** Whether memory is mapped by pages. :778, :648 (v6.12), :601 (v6.1), :504 and :1531 (v5.10) */
export function mapsByPages(k: Arm64Kernel): boolean {
  if (k.has['linear-map-split']) return force_pte_mapping(k);
  if (k.has['kfence-pool-of-pages']) return can_set_direct_map(k);
  return k.rodata_full || k.debug_pagealloc_enabled();
}

/** Whether a range is to be set aside that boot does not know yet, so that any page may be of it. :613 (v6.1), :516 (v5.10) */
export function hasLateCrashkernel(k: Arm64Kernel): boolean {
  const wanted = k.boot.crashkernel !== undefined && !k.has['crashkernel-keeps-blocks'];
  return wanted && defer_reserve_crashkernel(k);
}

/** Memory without some ranges: what memblock_mark_nomap() leaves. */
function without(
  memory: readonly MemblockRegion[],
  ranges: readonly (MemblockRegion | undefined)[],
): MemblockRegion[] {
  let left = [...memory];
  for (const range of ranges) {
    if (range === undefined) continue;
    left = left.flatMap(({ start, end }) => [
      { start, end: Math.min(end, range.start) },
      { start: Math.max(start, range.end), end },
    ]);
    left = left.filter(({ start, end }) => start < end);
  }
  return left;
}

/** The pool of KFENCE, if it is wanted at boot: the highest memory that is free. :1088, :584 (v6.12) */
function arm64_kfence_alloc_pool({ k, memblock }: BootState): MemblockRegion | undefined {
  if (!k.has['kfence-pool-of-pages'] || !k.kfence_early_init) return undefined;
  const size = KFENCE_POOL_PAGES(KFENCE_NUM_OBJECTS) * k.page_size;
  const start = memblock_phys_alloc_range(memblock, size, k.page_size, 0, 2 ** 52);
  if (start === 0) {
    k.printk('err', 'failed to allocate kfence pool');
    k.kfence_early_init = false;
    return undefined;
  }
  k.kfence_pool = { start: start / k.page_size, end: (start + size) / k.page_size };
  return { start, end: start + size };
}

function pageAlign(k: Arm64Kernel, physical: number): number {
  return Math.ceil(physical / k.page_size) * k.page_size;
}

/** Effect: what is mapped has the new protection, flushed. No tables are made. :1041 */
function* update_mapping_prot(
  k: Arm64Kernel,
  phys: number,
  virt: VirtualAddress,
  size: number,
  prot: EntryFlags,
): Task<void> {
  const flags = k.has['map-mem-overlaps'] ? 0 : NO_CONT_MAPPINGS;
  yield* __create_pgd_mapping(k, phys, virt, size, { prot, flags, pgtable_alloc });
  yield* k.flush_tlb_kernel_range(virt, virt + size);

  function* pgtable_alloc(): Task<never> {
    k.die({ how: 'BUG', text: 'BUG_ON(!pgtable_alloc) in update_mapping_prot()' });
    return yield* halt();
  }
}

/** Effect: the alias of the kernel's text and constants is read-only, whatever rodata= says. :1063, :471 (v5.10) */
export function* mark_linear_text_alias_ro(k: Arm64Kernel): Task<void> {
  if (k.image === undefined) return;
  const { start, end } = imageAlias(k, k.image);
  yield* update_mapping_prot(k, start, k.__va(start), end - start, PAGE_KERNEL_RO(k));
}

/** Effect: the kernel's constants are read-only, and since v7.2 the alias of data and .bss. :1201, :578 (v5.10) */
export function* mark_rodata_ro(k: Arm64Kernel): Task<void> {
  if (k.image === undefined) return;
  const { text, stext, start_rodata, init_begin, init_end, bss_stop } = k.image;
  yield* make_ro(start_rodata, init_begin);
  if (!k.has['image-alias-from-text']) return;
  yield* make_ro(text, stext);
  if (!k.has['data-alias-ro']) return;
  const end = pageAlign(k, bss_stop);
  yield* update_mapping_prot(k, init_end, k.__va(init_end), end - init_end, PAGE_KERNEL_RO(k));

  function* make_ro(from: number, to: number): Task<void> {
    yield* update_mapping_prot(k, from, k.image_address(from / k.page_size), to - from, PAGE_KERNEL_RO(k));
  }
}
