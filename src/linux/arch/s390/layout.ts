/**
 * Where the parts of the address space lie (arch/s390/boot/startup.c, setup_kernel_memory_layout(); in v5.10
 * setup_memory_end() of kernel/setup.c), for a kernel that is not placed at random.
 */

import type { VirtualAddress } from '../../../mmu/format.ts';
import { HARDWARE_INDEX_BITS } from './machine.ts';
import type { S390Kernel } from './s390_kernel.ts';

const SEGMENT_SIZE = 2 ** 20;
const MODULES_LEN = 2 ** 31;
const TEXT_OFFSET = 0x100000;
/** CONFIG_KERNEL_IMAGE_BASE. */
const KERNEL_IMAGE_BASE: VirtualAddress = 0x3ffe0000000;
/** VMALLOC_DEFAULT_SIZE without the modules: 128G in v5.10, 512G since. */
const VMALLOC_5_10 = 128 * 2 ** 30;
const VMALLOC_SINCE = 512 * 2 ** 30;
/** A page to copy memory through, and the absolute lowcores of 256 CPUs: below the modules' area, or below vmalloc's. */
const FIXMAP_SIZE = 4096 + 256 * 8192;
const LOWCORE_SIZE = 8192;
const STRUCT_PAGE = 64;
const PAGES_PER_SECTION = 2 ** 16;
const MAX_DCSS_ADDR = 512 * 2 ** 30;

export interface Layout {
  readonly VMALLOC_START: VirtualAddress;
  readonly VMALLOC_END: VirtualAddress;
  /** One past the addresses of modules, the last that __set_memory() works on before v6.12. */
  readonly MODULES_END: VirtualAddress;
  /** One past the highest physical address that the direct map has room for. */
  readonly max_physical: number;
  /** One past the highest that memory can be added at. */
  readonly max_mappable: number;
}

/** What the top table can map. */
export function reachOf(k: Pick<S390Kernel, 'format'>): number {
  const { levels } = k.format;
  return 2 ** (k.format.levelShift(levels) + k.format.indexBits(levels));
}

/** In a geometry smaller than the hardware's vmalloc has what is left above the direct map. */
export function layoutOf(k: S390Kernel): Layout {
  const reach = reachOf(k);
  const topEntry = 2 ** k.format.levelShift(k.format.levels);
  const rte_size = k.has['decompressor-maps'] ? 2 ** k.format.levelShift(3) : topEntry;
  if (k.machine.index_bits < HARDWARE_INDEX_BITS) {
    const VMALLOC_START = roundUp(k.identity_base + k.ident_map_size, topEntry);
    const max_physical = reach - k.identity_base;
    return {
      VMALLOC_START,
      VMALLOC_END: reach,
      MODULES_END: reach + 1,
      max_physical,
      max_mappable: max_physical,
    };
  }
  const MODULES_END = modulesEnd(k, reach);
  const VMALLOC_END = MODULES_END - MODULES_LEN;
  const size = k.has['lowcore-split-later'] ? VMALLOC_SINCE : VMALLOC_5_10;
  const VMALLOC_START = VMALLOC_END - (size - MODULES_LEN);
  const below = k.has['decompressor-maps'] ? belowFixmap(VMALLOC_START) : VMALLOC_START;
  const pages = roundUp(Math.floor(below / (k.page_size + STRUCT_PAGE)), PAGES_PER_SECTION);
  const vmemmap = roundDown(below - pages * STRUCT_PAGE, rte_size);
  const mapped = Math.min(vmemmap, Math.max(k.ident_map_size, MAX_DCSS_ADDR));
  return {
    VMALLOC_START,
    VMALLOC_END,
    MODULES_END,
    max_physical: vmemmap - k.identity_base,
    max_mappable: k.has['decompressor-maps'] ? mapped : vmemmap,
  };
}

function modulesEnd(k: S390Kernel, reach: number): VirtualAddress {
  if (k.has['decompressor-maps']) {
    return roundDown(k.image === undefined ? KERNEL_IMAGE_BASE : k.image.va - TEXT_OFFSET, SEGMENT_SIZE);
  }
  return k.has['lowcore-split-later'] ? roundDown(belowFixmap(reach), SEGMENT_SIZE) : reach;
}

function belowFixmap(address: VirtualAddress): VirtualAddress {
  return roundDown(address - FIXMAP_SIZE, LOWCORE_SIZE);
}

function roundDown(value: number, to: number): number {
  return Math.floor(value / to) * to;
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
