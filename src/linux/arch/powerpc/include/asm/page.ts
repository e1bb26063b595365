/** Where the kernel's regions lie (arch/powerpc/include/asm/page.h, book3s/64/radix.h). */

import type { VirtualAddress } from '../../../../../mmu/format.ts';
import type { PowerpcKernel } from '../../powerpc_kernel.ts';

/** 0xc000000000000000, where the linear map begins. */
export const PAGE_OFFSET: VirtualAddress = -(2 ** 62);
/** RADIX_KERN_VIRT_START. */
const RADIX_KERN_VIRT_OFFSET = 2 ** 51;
/** H_KERN_VIRT_START, by page shift. book3s/64/hash-4k.h, hash-64k.h */
const H_KERN_VIRT_OFFSET = { 12: 0x3d00_0000_0000, 16: 2 ** 51 } as const;
/** RADIX_KERN_MAP_SIZE. */
export const KERN_VIRT_SIZE = 2 ** 49;

/** What the tables of a small geometry map, four levels of them. */
export function smallReach(k: PowerpcKernel): number {
  return k.page_size * 2 ** (4 * k.machine.index_bits);
}

/** One past the linear map's part: where vmalloc begins. In a small geometry of tables the last quarter. */
export function kern_virt_start(k: PowerpcKernel): VirtualAddress {
  if (!k.radix_enabled) return PAGE_OFFSET + H_KERN_VIRT_OFFSET[k.format.pageShift];
  return PAGE_OFFSET + (k.small ? (smallReach(k) * 3) / 4 : RADIX_KERN_VIRT_OFFSET);
}
