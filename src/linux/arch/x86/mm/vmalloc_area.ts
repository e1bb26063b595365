/** Where vmalloc's addresses lie (arch/x86/include/asm/pgtable_64_types.h). */

import type { VirtualAddress } from '../../../../mmu/format.ts';
import type { X86Kernel } from '../x86_kernel.ts';

const HARDWARE_INDEX_BITS = 9;

/** 0xffffc90000000000, or 0xffa0000000000000 with 5 levels (asm/pgtable_64_types.h). */
const __VMALLOC_BASE_L4: VirtualAddress = -0x3700_0000_0000;
const __VMALLOC_BASE_L5: VirtualAddress = -0x60_0000_0000_0000;
const VMALLOC_SIZE_TB_L4 = 32;
const VMALLOC_SIZE_TB_L5 = 12800;

/** Without KASLR. On a machine smaller than hardware: the last quarter of what the tables can map. */
export function vmalloc_start(k: X86Kernel): VirtualAddress {
  if (k.machine.index_bits !== HARDWARE_INDEX_BITS) return (-k.pgdir_size * k.ptrs_per_table) / 4;
  return k.pgtable_l5_enabled ? __VMALLOC_BASE_L5 : __VMALLOC_BASE_L4;
}

/** One past the last address. */
export function vmalloc_end(k: X86Kernel): VirtualAddress {
  if (k.machine.index_bits !== HARDWARE_INDEX_BITS) return 0;
  const terabytes = k.pgtable_l5_enabled ? VMALLOC_SIZE_TB_L5 : VMALLOC_SIZE_TB_L4;
  return vmalloc_start(k) + terabytes * 2 ** 40;
}
