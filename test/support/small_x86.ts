/** A running x86-64 kernel on a direct map made by hand, for tests of what edits it. */

import type { X86BootParameters } from '../../src/linux/arch/x86/boot_parameters.ts';
import type { X86Config } from '../../src/linux/arch/x86/config.ts';
import { X86 } from '../../src/linux/arch/x86/index.ts';
import type { KernelImage } from '../../src/linux/arch/x86/kernel_image.ts';
import { type X86Features, X86Kernel } from '../../src/linux/arch/x86/x86_kernel.ts';
import { parseConfig, splitConfig } from '../../src/linux/config.ts';
import { parseKernelVersion } from '../../src/linux/kernels.ts';
import { BuddyAllocator } from '../../src/linux/mm/buddy.ts';
import { debug_guardpage_minorder } from '../../src/linux/mm/debug_page_alloc.ts';
import { debug_pagealloc_free_all } from '../../src/linux/mm/page_alloc.ts';
import { reserve_bootmem_region } from '../../src/linux/mm/page_flags.ts';
import { SimulatedMemory } from '../../src/memory/simulated_memory.ts';
import type { VirtualAddress } from '../../src/mmu/format.ts';
import { Tlb } from '../../src/mmu/tlb.ts';

const MiB = 2 ** 20;
const ROOT = 0x1000;
const FIRST_TABLE = 0x40_0000;
/** Image and tables lie below; all above is free. */
export const FIRST_FREE_PFN = 0x1000;

const IMAGE: KernelImage = {
  text: 0x10_0000,
  etext: 0x18_0000,
  start_rodata: 0x20_0000,
  end_rodata: 0x28_0000,
  end_rodata_hpage_align: 0x40_0000,
  sdata: 0x28_0000,
  init_begin: 0x30_0000,
  init_end: 0x34_0000,
  brk_base: 0x3c_0000,
  brk_end: 0x40_0000,
  end: 0x40_0000,
  init_top_pgt: ROOT,
  level3_kernel_pgt: 0x2000,
  level2_kernel_pgt: 0x3000,
  level4_kernel_pgt: 0,
};

export interface SmallX86Options {
  kernel: string;
  /** Level of the direct map's leaves: 1 for 4K, 2 for 2M, 3 for 1G. */
  level?: 1 | 2 | 3;
  /** Bytes, a multiple of the leaves' size. */
  ram?: number;
  config?: string;
  boot?: string;
  cpus?: number;
  tlb?: boolean;
  features?: Partial<X86Features>;
}

/** P, RW, A, D, G, NX; PSE if large: what boot makes. */
const LEAF_LOW = 0x163;
const PSE = 0x80;
const TABLE_LOW = 0x63;
const NX_HIGH = 0x8000_0000;

export function smallX86(options: SmallX86Options): X86Kernel {
  const { level = 2, ram = level === 3 ? 2 ** 30 : 64 * MiB, cpus = 1 } = options;
  const config = parseConfig(splitConfig(options.config ?? '', 'test'), 'test', X86) as X86Config;
  const k = new X86Kernel({
    memory: new SimulatedMemory(),
    version: parseKernelVersion(options.kernel, 'test', X86),
    config,
    boot: X86.parseBoot(options.boot ?? '', config, 'test') as X86BootParameters,
    machine: {
      memory: [{ start: 0, end: ram, type: 'RAM' }],
      cpus,
      page_size: 4096,
      paging_levels: 4,
      index_bits: 9,
      features: { gbpages: true, pcid: false, encryption_bit: undefined, ...options.features },
    },
    frames: new BuddyAllocator([]),
    image: IMAGE,
  });
  const pages = ram / 4096;
  k.memory.withoutJournal(() => buildDirectMap(k, ram, level));
  k.max_pfn_mapped = pages;
  k.pfn_mapped = [{ start: 0, end: pages }];
  k.direct_pages_count.set(level, ram / 2 ** k.format.levelShift(level));
  k.frames = new BuddyAllocator([{ start: FIRST_FREE_PFN, end: pages }], {
    guardpage_minorder: debug_guardpage_minorder(k),
  });
  reserve_bootmem_region(k, 0, FIRST_FREE_PFN);
  k.after_bootmem = true;
  k.debug_pagealloc_key = k.boot.debug_pagealloc;
  debug_pagealloc_free_all(k);
  if (options.tlb) k.tlb = new Tlb(cpus);
  k.system_state = 'RUNNING';
  return k;
}

function buildDirectMap(k: X86Kernel, ram: number, leafLevel: number): void {
  let nextTable = FIRST_TABLE;
  const tableUnder = (entry: number): number => {
    if (k.memory.low(entry) === 0) {
      k.memory.write(entry, nextTable | TABLE_LOW, 0);
      nextTable += 4096;
    }
    return k.format.tableAddress(0, k.memory.low(entry), k.memory.high(entry));
  };
  const bytes = 2 ** k.format.levelShift(leafLevel);
  for (let physical = 0; physical < ram; physical += bytes) {
    const address = k.__va(physical);
    let table = ROOT;
    for (let level = 4; level > leafLevel; level--) table = tableUnder(entryIn(k, table, level, address));
    const low = (physical % 2 ** 32) + (LEAF_LOW | (leafLevel > 1 ? PSE : 0));
    k.memory.write(entryIn(k, table, leafLevel, address), low, Math.floor(physical / 2 ** 32) + NX_HIGH);
  }
}

function entryIn(k: X86Kernel, table: number, level: number, address: VirtualAddress): number {
  return table + (Math.floor(address / 2 ** k.format.levelShift(level)) & k.index_mask) * 8;
}

/** The allocator that `smallX86` makes. */
export function buddyOf(k: X86Kernel): BuddyAllocator {
  return k.frames as BuddyAllocator;
}

/** "2M P RW", "4K RW", "4K P", or "none": the leaf of the direct map. */
export function leaf(k: X86Kernel, pfn: number): string {
  return leafAt(k, k.page_address(pfn));
}

export function leafAt(k: X86Kernel, address: VirtualAddress): string {
  const found = k.leafAt(address);
  if (found === undefined) return 'none';
  const size = ['', '4K', '2M', '1G'][found.level]!;
  const flags = k.format.describe(found.level, found.low, found.high);
  return [size, ...flags.filter((flag) => flag === 'P' || flag === 'RW')].join(' ');
}
