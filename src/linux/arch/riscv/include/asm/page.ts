/** Where things lie in the address space (arch/riscv/include/asm/page.h and pgtable.h). */

import type { VirtualAddress } from '../../../../../mmu/format.ts';

export const PAGE_SIZE = 4096;

/** Where RAM begins on QEMU's virt machine and most boards. */
export const DRAM_BASE = 0x8000_0000;

/** 0xffffffff80000000: the last 2G are the kernel's. */
export const KERNEL_LINK_ADDR: VirtualAddress = -(2 ** 31);
/** Modules lie within 2G below the end of the kernel. */
export const MODULES_LOWEST_VADDR: VirtualAddress = KERNEL_LINK_ADDR - 2 ** 31;

/** 0xff60000000000000 */
export const PAGE_OFFSET_L5: VirtualAddress = -0xa0_0000_0000_0000;
/** 0xffffaf8000000000 */
export const PAGE_OFFSET_L4: VirtualAddress = -0x5080_0000_0000;
/** 0xffffffd600000000, and before that 0xffffffd800000000 and 0xffffffe000000000. */
export const PAGE_OFFSET_L3: VirtualAddress = -0x2a_0000_0000;
export const PAGE_OFFSET_L3_6_1: VirtualAddress = -0x28_0000_0000;
export const PAGE_OFFSET_L3_5_10: VirtualAddress = -0x20_0000_0000;
