/** The page size and the fixed places of x86-64's address space (arch/x86/include/asm/page_64_types.h). */

import type { VirtualAddress } from '../../../../../mmu/format.ts';

/** Bytes of a base page. */
export const PAGE_SIZE = 4096;

/** Start of the kernel image's own mapping, 0xffffffff80000000. */
export const __START_KERNEL_map: VirtualAddress = -(2 ** 31);

/** Start of the direct map without KASLR: 0xffff888000000000, or 0xff11000000000000 with 5 levels. */
export const __PAGE_OFFSET_BASE_L4: VirtualAddress = -0x7780_0000_0000;
export const __PAGE_OFFSET_BASE_L5: VirtualAddress = -0xef_0000_0000_0000;

/** How much of the image mapping may be used: 1G with KASLR built in. */
export const KERNEL_IMAGE_SIZE = 2 ** 30;
