/**
 * What boot does to the direct map once it is built (arch/s390/mm/init.c, and vmem_map_init() of mm/vmem.c). Line numbers
 * are those of v7.2.13 unless another version is named.
 */

import type { VirtualAddress } from '../../../../mmu/format.ts';
import { KFENCE_NUM_OBJECTS, KFENCE_POOL_PAGES } from '../../../mm/kfence/core.ts';
import { type Memblock, memblock_phys_alloc_range, memblock_reserve } from '../../../mm/memblock.ts';
import { reserve_bootmem_region } from '../../../mm/page_flags.ts';
import type { Task } from '../../../task.ts';
import { LOWCORE_SIZE } from '../boot/vmem.ts';
import { type BootState, completed, panic } from '../boot_state.ts';
import { SET_MEMORY_NX, SET_MEMORY_RO, SET_MEMORY_RW, SET_MEMORY_X } from '../include/asm/set_memory.ts';
import { PAGE_SIZE } from '../machine.ts';
import type { S390Kernel } from '../s390_kernel.ts';
import { __set_memory, set_memory_4k, set_memory_ro, set_memory_x } from './pageattr.ts';
import { table_init } from './pgalloc.ts';
import { vmem_add_range } from './vmem.ts';

function* protect(k: S390Kernel, start: VirtualAddress, end: VirtualAddress, flags: number): Task<void> {
  yield* __set_memory(k, start, (end - start) / PAGE_SIZE, flags);
}

/** Effect: kernel text and read-only data are so, and what must be mapped by 4K is. Nobody looks at errors. vmem.c:674 */
function* protect_kernel(k: S390Kernel): Task<void> {
  if (k.image !== undefined) {
    const { va, stext, etext, end_rodata, inittext, amode31 } = k.image;
    const at = (physical: number) => physical - stext + va;
    yield* protect(k, va, at(etext), SET_MEMORY_RO | SET_MEMORY_X);
    yield* protect(k, at(etext), at(end_rodata), SET_MEMORY_RO);
    if (inittext !== undefined)
      yield* protect(k, at(inittext.start), at(inittext.end), SET_MEMORY_RO | SET_MEMORY_X);
    yield* protect(k, amode31.start, amode31.end, SET_MEMORY_RO | SET_MEMORY_X);
  }
  if (!k.has_lowcore) return;
  if (k.has['lowcore-split-later'] && !k.has['decompressor-maps'])
    yield* set_memory_4k(k, 0, LOWCORE_SIZE / PAGE_SIZE);
  if (!k.has['lowcore-noexec-with-bear'] || !k.machine.features.bear) yield* set_memory_x(k, 0, 1);
}

/** Effect: before v6.12, all memory is in the direct map. vmem.c:669 (v6.1) */
export function vmem_map_init(init: BootState): void {
  const { k } = init;
  if (!k.has['decompressor-maps']) {
    table_init(k, k.root, k.format.levels);
    for (const { start, end } of init.memblock.memory) completed(init, vmem_add_range(k, start, end - start));
  }
  completed(init, protect_kernel(k));
  if (k.has['decompressor-maps'] && k.boot.debug_pagealloc)
    completed(init, set_memory_4k(k, k.__va(0), k.ident_map_size / PAGE_SIZE));
}

/** As many as the hardware likes, fewer on a machine of less than 512M. :72 */
function zero_page_order(init: BootState): number {
  const bytes = init.memblock.memory.reduce((sum, { start, end }) => sum + end - start, 0);
  let order = 7;
  while (order > 2 && bytes / PAGE_SIZE / 1024 < 2 ** order) order--;
  return order;
}

/** Effect: `size` bytes of memblock's, those from `place` on if that is known. Failure: 0. */
function memblock_alloc(memblock: Memblock, size: number, place: number | undefined): number {
  if (place === undefined)
    return memblock_phys_alloc_range(memblock, size, PAGE_SIZE, 0, Number.MAX_SAFE_INTEGER);
  memblock_reserve(memblock, place, size);
  return place;
}

/** Effect: the zero pages, from memblock, are read-only. Failure: panic. :72 */
export function arch_setup_zero_pages(init: BootState): void {
  const { k, memblock, zero_pages } = init;
  if (!k.has['zero-pages-read-only'] || !k.has_lowcore) return;
  const pages = 2 ** zero_page_order(init);
  const found = memblock_alloc(memblock, pages * PAGE_SIZE, zero_pages);
  if (found === 0) panic(k, 'no memory for the zero pages');
  completed(init, set_memory_ro(k, k.__va(found), pages));
}

/** Effect: a pool is set aside if KFENCE is to be on. mm/kfence/core.c:926 */
export function kfence_alloc_pool(init: BootState): void {
  const { k, memblock, kfence_pool } = init;
  if (!k.has.kfence || k.boot.kfence_sample_interval === 0 || !k.has_lowcore) return;
  const pages = KFENCE_POOL_PAGES(KFENCE_NUM_OBJECTS);
  const found = memblock_alloc(memblock, pages * PAGE_SIZE, kfence_pool);
  if (found === 0) k.printk('err', 'kfence: failed to allocate pool');
  else k.kfence_pool = { start: found / PAGE_SIZE, end: found / PAGE_SIZE + pages };
}

/**
 * Effect: the pool is mapped by 4K entries. Without a pool, as KFENCE is off, the pages from address 0 on are: NULL is
 * taken for its address. asm/kfence.h:27 (v6.12)
 */
export function kfence_split_mapping(init: BootState): void {
  const { k } = init;
  if (!k.has['kfence-split-mapping'] || k.has['kfence-splits-in-init-pool']) return;
  if (!k.config.KFENCE || !k.has_lowcore) return;
  const address = k.kfence_pool === undefined ? 0 : k.page_address(k.kfence_pool.start);
  completed(init, set_memory_4k(k, address, KFENCE_POOL_PAGES(KFENCE_NUM_OBJECTS)));
}

/** Effect: init text is writable and not executable. Before v6.12; that it is free then is not modelled. :205 (v6.1) */
export function free_initmem(init: BootState): void {
  const { k } = init;
  if (k.image?.inittext === undefined) return;
  const { va, stext, inittext } = k.image;
  const at = (physical: number) => physical - stext + va;
  completed(init, protect(k, at(inittext.start), at(inittext.end), SET_MEMORY_RW | SET_MEMORY_NX));
}

/** Effect: what memblock has given away is PageReserved. */
export function reserve_boot_memory({ k, memblock }: BootState): void {
  for (const { start, end } of memblock.reserved)
    reserve_bootmem_region(k, Math.floor(start / PAGE_SIZE), Math.ceil(end / PAGE_SIZE));
}
