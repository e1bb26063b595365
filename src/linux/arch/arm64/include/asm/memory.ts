/** Where the kernel's address space is divided (arch/arm64/include/asm/memory.h, pgtable.h). */

import type { VirtualAddress } from '../../../../../mmu/format.ts';
import type { Arm64Kernel } from '../../arm64_kernel.ts';
import { VA_BITS_MIN } from '../../machine.ts';

const SZ_2M = 2 ** 21;
const SZ_8M = 2 ** 23;
const SZ_128M = 2 ** 27;
const SZ_256M = 2 ** 28;
const SZ_1G = 2 ** 30;
const SZ_2G = 2 ** 31;
const STRUCT_PAGE_SIZE = 64;

/** One past the last address that the direct map may have: _PAGE_END(VA_BITS_MIN). :66 (v7.2) */
export function PAGE_END(k: Arm64Kernel): VirtualAddress {
  if (!k.hardware) return k.page_offset / 2;
  return -(2 ** (VA_BITS_MIN(k.page_size, k.machine.features.va_bits) - 1));
}

/** MODULES_END, where the image's own mapping begins, too, without KASLR. :54 (v7.2) */
export function KIMAGE_VADDR(k: Arm64Kernel): VirtualAddress {
  if (k.has['modules-2g']) return PAGE_END(k) + SZ_2G;
  return PAGE_END(k) + SZ_128M + (k.has['vmalloc-at-modules-end'] ? 0 : SZ_128M);
}

/** Without KASLR. On a machine smaller than hardware: the upper half of what the tables can map. pgtable.h:23 (v7.2) */
export function vmalloc_start(k: Arm64Kernel): VirtualAddress {
  return k.hardware ? KIMAGE_VADDR(k) : PAGE_END(k);
}

/** VMEMMAP_SIZE: the struct pages of all that the direct map may have. :33 */
function VMEMMAP_SIZE(k: Arm64Kernel): number {
  return ((PAGE_END(k) + 2 ** k.machine.features.va_bits) / k.page_size) * STRUCT_PAGE_SIZE;
}

/** :50 (v7.2, v6.1), :53 (v5.10) */
function VMEMMAP_START(k: Arm64Kernel): VirtualAddress {
  if (k.has['modules-2g']) return -SZ_1G - VMEMMAP_SIZE(k);
  if (k.has['vmalloc-at-modules-end'])
    return -(2 ** k.machine.features.va_bits / k.page_size) * STRUCT_PAGE_SIZE;
  return -VMEMMAP_SIZE(k) - SZ_2M;
}

/** Where frame 0 would have its struct page. PHYS_OFFSET counts from the widest direct map. pgtable.h:31 */
export function vmemmap(k: Arm64Kernel): VirtualAddress {
  const PHYS_OFFSET = k.memstart_addr - k.page_offset - 2 ** k.machine.features.va_bits;
  return VMEMMAP_START(k) - (PHYS_OFFSET / k.page_size) * STRUCT_PAGE_SIZE;
}

/** One past the last address: somewhat below the struct pages. pgtable.h:25 (v7.2, v6.1, v5.10) */
export function vmalloc_end(k: Arm64Kernel): VirtualAddress {
  if (!k.hardware) return 0;
  if (k.has['modules-2g']) return VMEMMAP_START(k) - SZ_8M;
  if (k.has['vmalloc-at-modules-end']) return VMEMMAP_START(k) - SZ_256M;
  return -k.PUD_SIZE - VMEMMAP_SIZE(k) - 2 ** 16;
}
