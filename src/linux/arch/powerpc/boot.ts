/**
 * A machine booted: from firmware's memory map to a running kernel, as far as its direct map goes. The order is that of
 * start_kernel() and kernel_init() (init/main.c), with nothing else happening between.
 */

import { InputError } from '../../../errors.ts';
import { SimulatedMemory } from '../../../memory/simulated_memory.ts';
import type { Booted, BootOptions } from '../../architecture.ts';
import { BuddyAllocator } from '../../mm/buddy.ts';
import type { FrameAllocator, FrameRange } from '../../mm/frame_allocator.ts';
import { kfence_init } from '../../mm/kfence/core.ts';
import {
  createMemblock,
  for_each_free_mem_range,
  memblock_add,
  memblock_reserve,
} from '../../mm/memblock.ts';
import {
  check_debug_pagealloc_size,
  debug_pagealloc_free_all,
  free_reserved_page,
} from '../../mm/page_alloc.ts';
import { reserve_bootmem_region } from '../../mm/page_flags.ts';
import type { Task } from '../../task.ts';
import { type BootState, completed } from './boot_state.ts';
import { kern_virt_start } from './include/asm/page.ts';
import { allocate_paca_ptrs, free_unused_pacas } from './kernel/paca.ts';
import { defaultImage, type KernelImage } from './kernel_image.ts';
import { hardwareIndexBits } from './machine.ts';
import { hash__mark_initmem_nx, hash__mark_rodata_ro, htab_initialize } from './mm/book3s64/hash_utils.ts';
import {
  radix__mark_initmem_nx,
  radix__mark_rodata_ro,
  radix_init_pgtable,
  strict_kernel_rwx,
} from './mm/book3s64/radix_pgtable.ts';
import { memory_block_size } from './mm/init_64.ts';
import { PowerpcKernel } from './powerpc_kernel.ts';

/** Config, parameters and machine are those that `POWERPC` makes. */
export interface PowerpcBootOptions extends BootOptions {
  /** The kernel's sections; the preset release's Debian build if not given. */
  image?: KernelImage;
  /** What else memblock has given away by the time that the page allocator takes over. */
  reserved?: readonly FrameRange[];
}

export interface BootedPowerpc extends Booted {
  kernel: PowerpcKernel;
}

/**
 * Effect: the machine is RUNNING. None of it can be undone.
 * @throws InputError where the kernel does not boot, NotModelledError
 */
export function bootPowerpc(options: PowerpcBootOptions): BootedPowerpc {
  const init = createInit(options);
  const { k } = init;
  const { config } = k;
  return k.memory.withoutJournal(() => {
    const paca_ptrs = allocate_paca_ptrs(init);
    completed(k, k.radix_enabled ? radix_init_pgtable(init) : htab_initialize(init));
    free_unused_pacas(init, paca_ptrs);
    const free = mem_init(init, options.reserved ?? []);
    if (config.KFENCE) completed(k, kfence_init(k));
    completed(k, finish(k));
    return { kernel: k, free };
  });
}

function createInit(options: PowerpcBootOptions): BootState {
  const { version, config, boot, machine } = options;
  const small = machine.index_bits < hardwareIndexBits(machine.page_size);
  if (boot.debug_pagealloc) check_debug_pagealloc_size(machine);
  const k = new PowerpcKernel({
    memory: options.memory ?? new SimulatedMemory(),
    version,
    config,
    boot,
    machine,
    frames: NO_FRAMES,
    image: options.image ?? defaultImage(version.release, machine.page_size, small),
  });
  checkFits(k);
  k.memory_block_size = memory_block_size(k);
  const memblock = createMemblock();
  for (const { start, end, type } of machine.memory)
    if (type === 'RAM') memblock_add(memblock, start, end - start);
  if (k.image.end > 0) memblock_reserve(memblock, 0, k.image.end);
  k.max_pfn = Math.floor(Math.max(0, ...memblock.memory.map(({ end }) => end)) / k.page_size);
  return { k, memblock, next_small_table: k.image.swapper_pg_dir + k.page_size };
}

/** RAM that the direct map has no room for, or none at all for the image. */
function checkFits(k: PowerpcKernel): void {
  const ram = k.machine.memory.filter(({ type }) => type === 'RAM');
  const end = Math.max(0, ...ram.map((range) => range.end));
  const room = kern_virt_start(k) - k.__va(0);
  const first = ram[0];
  if (end <= room && (k.image.end === 0 || (first?.start === 0 && first.end >= k.image.end))) return;
  throw new InputError({
    code: 'out-of-range',
    what: 'RAM',
    where: '',
    found: ram.map((range) => `0x${range.start.toString(16)}-0x${range.end.toString(16)}`).join(', '),
    expected: `an end of at most 0x${room.toString(16)}, and 0x${k.image.end.toString(16)} bytes from 0 on for the kernel`,
  });
}

/** Effect: the page allocator has the memory that nobody else has. mem_init(), mm/mem.c:283 (v6.12) */
function mem_init({ k, memblock }: BootState, reserved: readonly FrameRange[]): readonly FrameRange[] {
  for (const { start, end } of reserved)
    memblock_reserve(memblock, start * k.page_size, (end - start) * k.page_size);
  for (const { start, end } of memblock.reserved)
    reserve_bootmem_region(k, Math.floor(start / k.page_size), Math.ceil(end / k.page_size));
  const free = for_each_free_mem_range(memblock)
    .map(({ start, end }) => ({
      start: Math.ceil(start / k.page_size),
      end: Math.floor(end / k.page_size),
    }))
    .filter(({ start, end }) => start < end);
  const guardpage_minorder = k.boot.debug_pagealloc ? k.boot.debug_guardpage_minorder : 0;
  const zones = [{ name: 'Normal', end_pfn: Number.POSITIVE_INFINITY }];
  k.frames = new BuddyAllocator(free, { zones, guardpage_minorder });
  k.debug_pagealloc_key = k.boot.debug_pagealloc;
  debug_pagealloc_free_all(k);
  return free;
}

/** What the kernel does to its own mappings before it starts init: init/main.c:1477 (v6.12). */
function* finish(k: PowerpcKernel): Task<void> {
  const { srwx_boundary, init_end, end } = k.image;
  if (end > 0) {
    const strict = strict_kernel_rwx(k);
    if (strict) yield* k.radix_enabled ? radix__mark_initmem_nx(k) : hash__mark_initmem_nx(k);
    for (let pfn = srwx_boundary / k.page_size; pfn < init_end / k.page_size; pfn++)
      yield* free_reserved_page(k, pfn);
    if (strict && k.boot.rodata) yield* k.radix_enabled ? radix__mark_rodata_ro(k) : hash__mark_rodata_ro(k);
  }
  k.system_state = 'RUNNING';
}

/** There is no page allocator yet. */
const NO_FRAMES: FrameAllocator = {
  allocate: () => undefined,
  free: () => {},
  mark: () => 0,
  undo: () => {},
};
