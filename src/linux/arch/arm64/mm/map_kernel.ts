/**
 * The image's own mapping (arch/arm64/mm/mmu.c before v6.12, kernel/pi/map_kernel.c since). Line numbers are those of v5.10.
 * Without KASLR, and without what the trampoline of KPTI and KASAN add.
 */

import type { EntryFlags } from '../../../../mmu/format.ts';
import { vunmap_range_noflush } from '../../../mm/vmap.ts';
import type { TablePurpose, Task } from '../../../task.ts';
import type { Arm64Kernel } from '../arm64_kernel.ts';
import { type BootState, completed } from '../boot_state.ts';
import { PAGE_KERNEL, PAGE_KERNEL_EXEC, PAGE_KERNEL_ROX } from '../include/asm/pgtable_prot.ts';
import type { KernelImage } from '../kernel_image.ts';
import { __create_pgd_mapping, NO_CONT_MAPPINGS } from './mmu.ts';

/** Effect: the image is mapped, its constants writable still, and vmalloc keeps away from its addresses. :685, :625 */
export function map_kernel(init: BootState): void {
  const { k, image } = init;
  if (image === undefined) return;
  const pgtable_alloc = tablesOf(init, image);
  const text = k.rodata_enabled ? PAGE_KERNEL_ROX(k) : PAGE_KERNEL_EXEC(k);
  const data = PAGE_KERNEL(k);
  if (k.has['image-alias-from-text']) map_kernel_segment(image.text, image.stext, data, NO_CONT_MAPPINGS);
  map_kernel_segment(image.stext, image.start_rodata, text, 0);
  map_kernel_segment(image.start_rodata, image.init_begin, data, NO_CONT_MAPPINGS);
  map_kernel_segment(image.init_begin, image.init_end, text, 0);
  map_kernel_segment(image.init_end, image.end, data, 0);
  const first = k.has['image-alias-from-text'] ? image.text : image.stext;
  const addr = k.image_address(first / k.page_size);
  const size = image.end - first + k.page_size;
  k.vmap_areas.set(addr, { addr, size, pages: [], flags: 0, page_order: 0, lazily_freed: false });

  function map_kernel_segment(start: number, end: number, prot: EntryFlags, flags: number): void {
    const virt = k.image_address(start / k.page_size);
    completed(k, __create_pgd_mapping(k, start, virt, end - start, { prot, flags, pgtable_alloc }));
  }
}

/** Tables are memblock's, or since v6.12 pages of the image itself: its last ones here. */
function tablesOf(init: BootState, image: KernelImage): (purpose: TablePurpose) => Task<number | undefined> {
  if (!init.k.has['image-tables-inside']) return () => init.early_pgtable_alloc();
  let next = image.end;
  return function* () {
    next -= init.k.page_size;
    return next;
  };
}

/** Effect: the init sections are mapped no more, but in the direct map. mm/init.c:418 (v6.12) */
export function* unmap_init_sections(k: Arm64Kernel, image: KernelImage): Task<void> {
  const start = k.image_address(image.init_begin / k.page_size);
  const end = k.image_address(image.init_end / k.page_size);
  yield* vunmap_range_noflush(k, start, end);
  yield* k.flush_tlb_kernel_range(start, end);
}
