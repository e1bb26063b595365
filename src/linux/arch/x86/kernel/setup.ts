/**
 * The architecture's part of early boot (arch/x86/kernel/setup.c), as far as the direct map goes: which memory there
 * is, what of it is taken, and then the map itself.
 */

import { memblock_reserve } from '../../../mm/memblock.ts';
import type { BootState } from '../boot_state.ts';
import { PAGE_SIZE } from '../include/asm/page_types.ts';
import { early_alloc_pgt_buf, init_mem_mapping } from '../mm/init.ts';
import { cleanup_highmap } from '../mm/init_64.ts';
import { reserve_real_mode } from '../realmode/init.ts';
import {
  e820__end_of_ram_pfn,
  e820__mapped_all,
  e820__memblock_setup,
  e820__range_add,
  e820__range_remove,
  e820__range_update,
  e820__register_nosave_regions,
} from './e820.ts';

const BIOS_BEGIN = 0xa0000;
const BIOS_END = 0x100000;
const SZ_64K = 0x10000;

/** Where reserve_bios_regions() begins if the firmware's own variables say nothing lower. kernel/ebda.c:54 (v7.2) */
const BIOS_START_MAX = 0x9f000;

/** Effect: page 0 is not RAM, and neither is 640K to 1M. setup.c:752 (v7.2) */
export function trim_bios_range(init: BootState): void {
  init.e820_table = e820__range_update(init.e820_table, 0, PAGE_SIZE, 'RAM', 'RESERVED');
  init.e820_table = e820__range_remove(init.e820_table, BIOS_BEGIN, BIOS_END, 'RAM');
}

/** Effect: the kernel image is RAM, even if firmware does not think so. setup.c:776 (v7.2) */
function e820_add_kernel_range(init: BootState): void {
  const { text, end } = init.image;
  if (e820__mapped_all(init.e820_table, text, end, 'RAM')) return;
  init.k.printk('warn', '.text .data .bss are not marked as E820_TYPE_RAM!');
  init.e820_table = e820__range_add(init.e820_table, text, end, 'RAM');
}

/** The brk area is left out: reserve_brk() takes what has been used of it. setup.c:796 (v7.2) */
function early_reserve_memory(init: BootState): void {
  const { text, brk_base } = init.image;
  if (init.image.end > text) memblock_reserve(init.memblock, text, brk_base - text);
  if (init.initrd !== undefined) {
    const { start, end } = init.initrd;
    memblock_reserve(init.memblock, start * PAGE_SIZE, (end - start) * PAGE_SIZE);
  }
  if (init.k.machine.index_bits < 9) return; // no PC: what is small enough to explore lies below 1M as a whole
  memblock_reserve(init.memblock, 0, SZ_64K);
  memblock_reserve(init.memblock, BIOS_START_MAX, BIOS_END - BIOS_START_MAX);
}

/** Effect: the brk area is closed; the rest of it will be free. setup.c:282 (v7.2) */
function reserve_brk(init: BootState): void {
  const brk_start = init.image.brk_base;
  memblock_reserve(init.memblock, brk_start, init.pgt_buf_top * PAGE_SIZE - brk_start);
}

/** Effect: the direct map, and an image mapping no larger than the image. setup.c:884 (v7.2) */
export function setup_arch(init: BootState): void {
  early_reserve_memory(init);
  e820_add_kernel_range(init);
  trim_bios_range(init);
  init.max_pfn = e820__end_of_ram_pfn(init);
  early_alloc_pgt_buf(init);
  reserve_brk(init);
  cleanup_highmap(init.k);
  e820__memblock_setup(init);
  reserve_real_mode(init);
  init_mem_mapping(init);
  e820__register_nosave_regions(init, init.max_pfn);
}
