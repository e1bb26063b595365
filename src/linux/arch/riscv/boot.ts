/**
 * A machine booted: from its memory to a running kernel, as far as its direct map and the kernel's own mapping go. The
 * order is that of start_kernel() and kernel_init() (init/main.c), with nothing else happening between.
 */

import { InputError } from '../../../errors.ts';
import { SimulatedMemory } from '../../../memory/simulated_memory.ts';
import type { VirtualAddress } from '../../../mmu/format.ts';
import type { Booted, BootOptions } from '../../architecture.ts';
import type { KernelSections } from '../../kernel.ts';
import type { KernelVersion } from '../../kernels.ts';
import { BuddyAllocator } from '../../mm/buddy.ts';
import { debug_guardpage_minorder } from '../../mm/debug_page_alloc.ts';
import type { FrameAllocator, FrameRange } from '../../mm/frame_allocator.ts';
import { kfence_init } from '../../mm/kfence/core.ts';
import { for_each_free_mem_range, type MemblockRegion } from '../../mm/memblock.ts';
import { check_debug_pagealloc_size, debug_pagealloc_free_all } from '../../mm/page_alloc.ts';
import { reserve_bootmem_region } from '../../mm/page_flags.ts';
import type { Task } from '../../task.ts';
import type { RiscvBootParameters } from './boot_parameters.ts';
import { type BootState, completed, createBootState, TABLES_OUT_OF_THE_WAY } from './boot_state.ts';
import type { RiscvChange } from './changes.ts';
import { defaultImage, type RiscvImage } from './images.ts';
import {
  DRAM_BASE,
  PAGE_OFFSET_L3,
  PAGE_OFFSET_L3_5_10,
  PAGE_OFFSET_L3_6_1,
  PAGE_OFFSET_L4,
  PAGE_OFFSET_L5,
  PAGE_SIZE,
} from './include/asm/page.ts';
import { free_initmem } from './kernel/setup.ts';
import {
  check_in_use_is_mapped,
  kfence_alloc_pool,
  mark_rodata_ro,
  setup_bootmem,
  setup_vm_final,
} from './mm/init.ts';
import { kernelMapping, RiscvKernel, type RiscvMachine } from './riscv_kernel.ts';

/** Config, parameters and machine are those that `RISCV` makes. */
export interface RiscvBootOptions extends BootOptions {
  /** The kernel's sections and where they are loaded; the preset release's if not given. */
  image?: RiscvImage;
  /** By how much KASLR moves the kernel's own mapping: a multiple of 2M. */
  virt_offset?: number;
  /** Memory that firmware and boot loader have filled: the device tree, the initrd, the firmware itself. */
  reserved?: readonly MemblockRegion[];
  /** Makes the page allocator out of what boot leaves free; a buddy allocator if not given. */
  frames?: (free: readonly FrameRange[]) => FrameAllocator;
  /** Whether to go on, after the map is built, to all edits that the kernel makes before it starts init. */
  lateEdits?: boolean;
}

export interface BootedRiscv extends Booted {
  kernel: RiscvKernel;
}

/** OpenSBI, which lies at the beginning of RAM. */
const FIRMWARE: MemblockRegion = { start: DRAM_BASE, end: DRAM_BASE + 0x80000 };

/**
 * Effect: the machine has booted. It is RUNNING after the late edits, and still BOOTING without them. None of it can be
 * undone.
 * @throws InputError where the kernel does not boot on the machine, NotModelledError
 */
export function bootRiscv(options: RiscvBootOptions): BootedRiscv {
  const { k, image } = createKernel(options);
  const init = createBootState(k, image);
  return k.memory.withoutJournal(() => {
    setup_bootmem(init, options.reserved ?? (image === undefined ? [] : [FIRMWARE]));
    setup_vm_final(init);
    const free = mem_init(init, options);
    completed(k, kfence_init(k));
    if (options.lateEdits ?? true) completed(k, finish(init));
    return { kernel: k, free };
  });
}

function createKernel(options: RiscvBootOptions): { k: RiscvKernel; image: RiscvImage | undefined } {
  const { version, config, boot } = options;
  const machine = pagingOf(options);
  if (boot.debug_pagealloc) check_debug_pagealloc_size(machine);
  const small = machine.index_bits < 9;
  const image = small ? undefined : (options.image ?? defaultImage(version.release));
  const phys_offset = physOffset(version, machine, image);
  const outside = image !== undefined && has(version, 'kernel-outside-direct-map');
  const k = new RiscvKernel({
    memory: options.memory ?? new SimulatedMemory(),
    version,
    config,
    boot,
    machine,
    frames: NO_FRAMES,
    swapper_pg_dir: image?.swapper_pg_dir ?? TABLES_OUT_OF_THE_WAY,
    page_offset: pageOffset(version, machine.paging_levels),
    phys_offset,
    kernel_map: outside ? kernelMapping(image.start, image.end, options.virt_offset ?? 0) : undefined,
    sections: image === undefined ? undefined : sectionsOf(image),
  });
  checkFits(k, image);
  return { k, image };
}

function has(version: KernelVersion, change: RiscvChange): boolean {
  return (version.has as Readonly<Record<string, boolean>>)[change] === true;
}

function sectionsOf({ start, start_rodata, init_begin, end }: RiscvImage): KernelSections {
  return { text: start, start_rodata, init_begin, end };
}

/** The depth that machine, kernel and command line agree on. init.c:835 (v7.2) */
function pagingOf({ machine, version, boot }: RiscvBootOptions): RiscvMachine {
  const wanted = has(version, 'satp-mode-parameters') ? (boot as RiscvBootParameters).paging_levels : 5;
  const known = has(version, 'sv48-sv57') ? wanted : 3;
  const levels = Math.min(machine.paging_levels, known);
  return { ...(machine as RiscvMachine), paging_levels: levels as 3 | 4 | 5 };
}

function pageOffset(version: KernelVersion, levels: 3 | 4 | 5): VirtualAddress {
  if (levels === 5) return PAGE_OFFSET_L5;
  if (levels === 4) return PAGE_OFFSET_L4;
  if (has(version, 'page-offset-d6')) return PAGE_OFFSET_L3;
  return has(version, 'page-offset-d8') ? PAGE_OFFSET_L3_6_1 : PAGE_OFFSET_L3_5_10;
}

/** What lies at PAGE_OFFSET: the kernel, or since 'linear-map-by-chunks' the beginning of RAM, rounded down to 2M. */
function physOffset(version: KernelVersion, machine: RiscvMachine, image: RiscvImage | undefined): number {
  if (image !== undefined && !has(version, 'linear-map-by-chunks')) return image.start;
  const pmd_size = PAGE_SIZE * 2 ** machine.index_bits;
  const start = Math.min(...machine.memory.filter(({ type }) => type === 'RAM').map((range) => range.start));
  return Math.floor(start / pmd_size) * pmd_size;
}

/** @throws InputError if the image is not in RAM, or a machine made up to be small has RAM that nothing can map. */
function checkFits(k: RiscvKernel, image: RiscvImage | undefined): void {
  const ram = k.machine.memory.filter(({ type }) => type === 'RAM');
  const wrong = (what: string, found: number, expected: string) =>
    new InputError({
      code: 'out-of-range',
      what,
      where: '',
      found: `0x${found.toString(16)}`,
      expected,
    });
  if (image !== undefined) {
    if (!ram.some(({ start, end }) => start <= image.start && image.end <= end))
      throw wrong(
        'RAM',
        image.start,
        `some at 0x${image.start.toString(16)}-0x${image.end.toString(16)}, for the kernel`,
      );
    return;
  }
  const end = Math.max(...ram.map((range) => range.end));
  const limit = k.page_offset - k.va_pa_offset + k.KERN_VIRT_SIZE;
  if (end > limit)
    throw wrong(
      'the end of RAM',
      end,
      `at most 0x${limit.toString(16)}, with ${k.format.levels} levels of ${k.machine.index_bits} bits`,
    );
}

/** Effect: the page allocator has the memory that nobody else has. */
function mem_init(init: BootState, options: RiscvBootOptions): readonly FrameRange[] {
  const { k, memblock } = init;
  kfence_alloc_pool(init);
  for (const { start, end } of memblock.reserved)
    reserve_bootmem_region(k, Math.floor(start / PAGE_SIZE), Math.ceil(end / PAGE_SIZE));
  const free = for_each_free_mem_range(memblock)
    .map(({ start, end }) => ({ start: Math.ceil(start / PAGE_SIZE), end: Math.floor(end / PAGE_SIZE) }))
    .filter(({ start, end }) => start < end);
  const guardpage_minorder = debug_guardpage_minorder(k);
  k.frames = options.frames?.(free) ?? new BuddyAllocator(free, { zones: k.zones, guardpage_minorder });
  k.debug_pagealloc_key = k.boot.debug_pagealloc;
  if (k.debug_pagealloc_key) {
    debug_pagealloc_free_all(k);
    check_in_use_is_mapped(init);
  }
  return free;
}

/** What the kernel does to its own mappings before it starts init: init/main.c:1562 (v7.2). */
function* finish(init: BootState): Task<void> {
  const { k } = init;
  yield* free_initmem(init);
  if (k.boot.rodata && k.config.STRICT_KERNEL_RWX) yield* mark_rodata_ro(init);
  k.system_state = 'RUNNING';
}

/** There is no page allocator yet. */
const NO_FRAMES: FrameAllocator = {
  allocate: () => undefined,
  free: () => {},
  mark: () => 0,
  undo: () => {},
};
