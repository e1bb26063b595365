/**
 * A machine booted: from its memory to a running kernel, as far as its direct map goes. The order is that of
 * start_kernel() and kernel_init() (init/main.c), with nothing else happening between.
 */

import { InputError, NotModelledError } from '../../../errors.ts';
import { SimulatedMemory } from '../../../memory/simulated_memory.ts';
import type { Booted, BootOptions } from '../../architecture.ts';
import { BuddyAllocator } from '../../mm/buddy.ts';
import type { FrameAllocator, FrameRange } from '../../mm/frame_allocator.ts';
import { kfence_init } from '../../mm/kfence/core.ts';
import { for_each_free_mem_range, memblock_reserve } from '../../mm/memblock.ts';
import { check_debug_pagealloc_size, debug_pagealloc_free_all } from '../../mm/page_alloc.ts';
import { reserve_bootmem_region } from '../../mm/page_flags.ts';
import type { Task } from '../../task.ts';
import { Arm64Kernel } from './arm64_kernel.ts';
import type { Arm64BootParameters } from './boot_parameters.ts';
import { type BootState, completed, createBootState, TABLES_OUT_OF_THE_WAY } from './boot_state.ts';
import type { Arm64Config } from './config.ts';
import { defaultImage } from './images.ts';
import { PAGE_END } from './include/asm/memory.ts';
import { setup_system_features } from './kernel/cpufeature.ts';
import type { KernelImage } from './kernel_image.ts';
import { type Arm64Machine, BOOT_STAGE, checkAligned } from './machine.ts';
import { arm64_memblock_init, free_initmem, memstart_of } from './mm/init.ts';
import { map_kernel } from './mm/map_kernel.ts';
import {
  early_pgtable_alloc,
  map_mem,
  mark_linear_text_alias_ro,
  mark_rodata_ro,
  tables_out_of_the_way,
} from './mm/map_mem.ts';

/** Config, parameters and machine are those that `ARM64` makes. */
export interface Arm64BootOptions extends BootOptions {
  /** The kernel's sections where they are loaded; the preset release's Debian build if not given. */
  image?: KernelImage;
  /** What else memblock has given away by the time that memory is mapped, such as the device tree: frames. */
  reserved?: readonly FrameRange[];
}

export interface BootedArm64 extends Booted {
  kernel: Arm64Kernel;
}

/**
 * Effect: the machine has booted. It is RUNNING, or still BOOTING if the machine's `boot_stage` says so. None of it can be
 * undone. @throws InputError where RAM does not suffice, NotModelledError
 */
export function bootArm64(options: BootOptions): BootedArm64 {
  const { image, reserved = [] }: Arm64BootOptions = options;
  const k = createKernel(options, image);
  const init = createBootState(k);
  return k.memory.withoutJournal(() => {
    setup_arch(init, reserved);
    const { boot_stage } = k.machine.features;
    if (boot_stage === BOOT_STAGE.before_page_allocator) return { kernel: k, free: [] };
    const free = mem_init(init);
    completed(k, kfence_init(k));
    if (boot_stage === BOOT_STAGE.one_cpu) return { kernel: k, free };
    k.num_online_cpus = k.machine.cpus;
    if (boot_stage === BOOT_STAGE.all_cpus) return { kernel: k, free };
    completed(k, finish(k));
    return { kernel: k, free };
  });
}

function createKernel(options: BootOptions, image: KernelImage | undefined): Arm64Kernel {
  const { version, config, boot, memory } = options;
  const machine = options.machine as Arm64Machine;
  const small = machine.index_bits !== Math.log2(machine.page_size) - 3;
  checkAligned(machine);
  if (small && image !== undefined)
    throw new NotModelledError('a kernel image in a small geometry', 'there is no room for it');
  if (boot.debug_pagealloc) check_debug_pagealloc_size(machine);
  const loaded = small
    ? undefined
    : (image ?? defaultImage(version.release, firstOf(machine), machine.page_size));
  const k = new Arm64Kernel({
    memory: memory ?? new SimulatedMemory(),
    version,
    config: config as Arm64Config,
    boot: boot as Arm64BootParameters,
    machine,
    frames: NO_FRAMES,
    image: loaded,
    pgd: loaded?.swapper_pg_dir ?? TABLES_OUT_OF_THE_WAY,
  });
  checkWidth(k);
  checkFits(k);
  return k;
}

/** Where RAM begins. */
function firstOf({ memory }: Arm64Machine): number {
  return Math.min(...memory.filter(({ type }) => type === 'RAM').map(({ start }) => start));
}

/** Kernels of 4K and 16K pages with 52-bit addresses came with LPA2. */
function checkWidth(k: Arm64Kernel): void {
  if (k.machine.features.va_bits <= 48 || k.page_size === 65536 || k.has.lpa2) return;
  throw new NotModelledError(`52-bit addresses in ${k.page_size / 1024}K pages`, 'needs the change lpa2');
}

/** The kernel ignores RAM that the direct map has no room for. Of a machine made up to be small that is a mistake. */
function checkFits(k: Arm64Kernel): void {
  const ram = k.machine.memory.filter(({ type }) => type === 'RAM');
  const end = Math.max(0, ...ram.map((range) => range.end));
  const room = memstart_of(k) + PAGE_END(k) - k.page_offset;
  const wanted = k.image === undefined ? 0 : k.image.end;
  if (wanted > end || (k.image !== undefined && k.image.text < firstOf(k.machine)))
    throw outOfRange(
      'RAM',
      `0x${end.toString(16)}`,
      `to hold the image, which ends at 0x${wanted.toString(16)}`,
    );
  if (k.hardware || end <= room) return;
  throw outOfRange('the end of RAM', `0x${end.toString(16)}`, `at most 0x${room.toString(16)}`);
}

function outOfRange(what: string, found: string, expected: string): InputError {
  return new InputError({ code: 'out-of-range', what, where: '', found, expected });
}

/** Effect: memory is known and mapped. kernel/setup.c:281 (v7.2) */
function setup_arch(init: BootState, reserved: readonly FrameRange[]): void {
  const { k, memblock } = init;
  arm64_memblock_init(init);
  for (const { start, end } of reserved)
    memblock_reserve(memblock, start * k.page_size, (end - start) * k.page_size);
  init.early_pgtable_alloc = k.hardware ? () => early_pgtable_alloc(init) : tables_out_of_the_way(k);
  map_kernel(init);
  map_mem(init);
}

/** Effect: the page allocator has the memory that nobody else has. mm/init.c:386 (v7.2) */
function mem_init({ k, memblock }: BootState): readonly FrameRange[] {
  for (const { start, end } of memblock.reserved)
    reserve_bootmem_region(k, Math.floor(start / k.page_size), Math.ceil(end / k.page_size));
  const free = for_each_free_mem_range(memblock)
    .map(({ start, end }) => ({ start: Math.ceil(start / k.page_size), end: Math.floor(end / k.page_size) }))
    .filter(({ start, end }) => start < end);
  const guardpage_minorder = k.boot.debug_pagealloc ? k.boot.debug_guardpage_minorder : 0;
  k.frames = new BuddyAllocator(free, { zones: k.zones, guardpage_minorder });
  k.page_alloc_available = true;
  k.debug_pagealloc_key = k.debug_pagealloc_enabled();
  debug_pagealloc_free_all(k);
  return free;
}

/** From all CPUs being up to the start of init. kernel/smp.c:438, init/main.c:1562 (v7.2) */
function* finish(k: Arm64Kernel): Task<void> {
  yield* setup_system_features(k);
  yield* mark_linear_text_alias_ro(k);
  yield* free_initmem(k);
  if (k.rodata_enabled && k.config.STRICT_KERNEL_RWX) yield* mark_rodata_ro(k);
  k.system_state = 'RUNNING';
}

/** There is no page allocator yet. */
const NO_FRAMES: FrameAllocator = {
  allocate: () => undefined,
  free: () => {},
  mark: () => 0,
  undo: () => {},
};
