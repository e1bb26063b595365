/** Where the kernel's regions lie (arch/loongarch/include/asm/addrspace.h, pgtable.h). */

import type { VirtualAddress } from '../../../../../mmu/format.ts';
import type { LoongarchKernel } from '../../loongarch_kernel.ts';
import { kfence_area_size } from './kfence.ts';

/** CACHE_BASE, 0x9000000000000000: the window through which the kernel sees all memory, coherent and cached. */
export const PAGE_OFFSET: VirtualAddress = -7 * 2 ** 60;
/** Address bits of what page tables map: cpu_vabits. */
const VABITS = 47;
const PCI_IOSIZE = 2 ** 25;
const SZ_2G = 2 ** 31;
/** Below the end are the memory map and KFENCE's area; of the memory map this much is kept free, more than it takes. */
const VMEMMAP_SIZE = 2 ** 41;

/** What the tables map: all of the upper half of the addresses, or less. */
function reach(k: LoongarchKernel): number {
  const { levels, pageShift } = k.format;
  const tables = 2 ** (pageShift + levels * k.machine.index_bits);
  return k.small ? tables : Math.min(tables, 2 ** VABITS);
}

/** The lowest address that page tables map. Everything below it is a window's, or user space's. */
export function vm_map_base(k: LoongarchKernel): VirtualAddress {
  return k.small ? -reach(k) : -(2 ** VABITS);
}

export function vm_map_end(k: LoongarchKernel): VirtualAddress {
  return vm_map_base(k) + reach(k);
}

/** In a small geometry there are no modules. */
export function vmalloc_start(k: LoongarchKernel): VirtualAddress {
  return k.small ? vm_map_base(k) : vm_map_base(k) + PCI_IOSIZE + 2 * k.page_size + SZ_2G;
}

/** One past the last address of vmalloc; in a small geometry half of what tables map. */
export function vmalloc_end(k: LoongarchKernel): VirtualAddress {
  if (k.small) return vm_map_base(k) + reach(k) / 2;
  return (
    vm_map_end(k) - 2 ** k.format.levelShift(2) - Math.min(VMEMMAP_SIZE, reach(k) / 8) - kfence_area_size(k)
  );
}

/** KFENCE_AREA_START: at the end of what tables map, as near as the model has it. */
export function kfence_area_start(k: LoongarchKernel): VirtualAddress {
  return vm_map_end(k) - kfence_area_size(k);
}
