/** What is memory, and where the direct map begins (arch/arm64/mm/init.c). Line numbers are those of v6.12. */

import { parseSize } from '../../../machine.ts';
import {
  for_each_free_mem_range,
  type MemblockRegion,
  memblock_add,
  memblock_find_in_range,
  memblock_is_region_memory,
  memblock_reserve,
} from '../../../mm/memblock.ts';
import { free_reserved_page } from '../../../mm/page_alloc.ts';
import type { Task } from '../../../task.ts';
import type { Arm64Kernel } from '../arm64_kernel.ts';
import type { BootState } from '../boot_state.ts';
import { PAGE_END } from '../include/asm/memory.ts';
import { unmap_init_sections } from './map_kernel.ts';

const SZ_2M = 2 ** 21;
const SZ_512M = 2 ** 29;

/** SECTION_SIZE: asm/sparsemem.h:16, :10 (v5.10) */
function SECTION_SIZE(k: Arm64Kernel): number {
  if (!k.has['smaller-sections']) return 2 ** 30;
  return k.page_size === 65536 ? SZ_512M : 2 ** 27;
}

/** What the start of the direct map is a multiple of, physically. :76 to :94, kernel-pgtable.h:126 (v5.10) */
export function ARM64_MEMSTART_ALIGN(k: Arm64Kernel): number {
  if (!k.hardware) return k.page_size;
  const bySize: Readonly<Record<number, number>> = {
    4096: k.PUD_SIZE,
    16384: k.CONT_PMD_SIZE,
    65536: k.PMD_SIZE,
  };
  return Math.max(bySize[k.page_size]!, SECTION_SIZE(k));
}

/** The widest physical addresses: PHYS_MASK_SHIFT. */
function physicalBits(k: Arm64Kernel): number {
  return k.format.lpa2 || (k.page_size === 65536 && k.machine.features.va_bits > 48) ? 52 : 48;
}

/** Where the direct map of such a machine begins, physically, without KASLR. :210 */
export function memstart_of(k: Arm64Kernel): number {
  const ram = k.machine.memory.filter(({ type }) => type === 'RAM');
  const align = ARM64_MEMSTART_ALIGN(k);
  return Math.floor(Math.min(...ram.map(({ start }) => start)) / align) * align;
}

/** Effect: memory is known as far as the direct map has room for it, and the image is taken. :186 */
export function arm64_memblock_init(init: BootState): void {
  const { k, memblock, image } = init;
  k.memstart_addr = memstart_of(k);
  const limit = Math.min(2 ** physicalBits(k), k.memstart_addr + PAGE_END(k) - k.page_offset);
  for (const { start, end, type } of k.machine.memory) {
    if (type === 'RAM' && start < limit) memblock_add(memblock, start, Math.min(end, limit) - start);
  }
  memblock_mem_limit_remove_map(init);
  if (image !== undefined) memblock_reserve(memblock, image.text, image.end - image.text);
  init.crashk_res = reserve_crashkernel(init);
}

/** Effect: only the first bytes of memory, as many as mem= says, are used, and those of the image. :245, memblock.c:1955 (v7.2) */
function memblock_mem_limit_remove_map({ k, memblock, image }: BootState): void {
  if (k.boot.memory_limit === Number.POSITIVE_INFINITY) return;
  let left = Math.floor(k.boot.memory_limit / k.page_size) * k.page_size;
  const kept: MemblockRegion[] = [];
  for (const { start, end } of memblock.memory) {
    const used = Math.min(end - start, left);
    left -= used;
    if (used > 0) kept.push({ start, end: start + used });
  }
  memblock.memory = kept;
  if (image !== undefined) memblock_add(memblock, image.text, image.end - image.text);
}

/** Whether the range for a crash kernel is not known yet when memory is mapped. asm/memory.h:367 (v6.1), mmu.c:516 (v5.10) */
export function defer_reserve_crashkernel(k: Arm64Kernel): boolean {
  return k.config.ZONE_DMA || k.config.ZONE_DMA32;
}

/** The range for a crash kernel, if it is taken before memory is mapped and there is room. :98 (v5.10), :126 (v6.1) */
function reserve_crashkernel({ k, memblock }: BootState): MemblockRegion | undefined {
  const word = k.boot.crashkernel;
  if (word === undefined || k.has['crashkernel-keeps-blocks'] || defer_reserve_crashkernel(k))
    return undefined;
  const [size = '', base] = word.split('@');
  const bytes = Math.ceil(parseSize(size, 'crashkernel=') / k.page_size) * k.page_size;
  const wanted = base === undefined ? 0 : Number(base);
  const start = wanted === 0 ? memblock_find_in_range(memblock, 0, 2 ** 52, bytes, SZ_2M) : wanted;
  if (start === 0 || !isUsable(start, bytes)) {
    k.printk('warn', `cannot reserve crashkernel (${word})`);
    return undefined;
  }
  memblock_reserve(memblock, start, bytes);
  return { start, end: start + bytes };

  function isUsable(first: number, length: number): boolean {
    if (first % SZ_2M !== 0 || !memblock_is_region_memory(memblock, first, length)) return false;
    return for_each_free_mem_range(memblock).some(
      (free) => free.start <= first && first + length <= free.end,
    );
  }
}

/** Effect: the init sections are free, and their own mapping is gone. Their alias is as it was. :411 */
export function* free_initmem(k: Arm64Kernel): Task<void> {
  if (k.image === undefined) return;
  yield* unmap_init_sections(k, k.image);
  const { init_begin, init_end } = k.image;
  for (let page = init_begin / k.page_size; page < init_end / k.page_size; page++)
    yield* free_reserved_page(k, page);
}
