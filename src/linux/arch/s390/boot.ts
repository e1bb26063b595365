/**
 * A machine booted: from its memory to a running kernel, as far as its direct map and the mapping of its image go. The
 * order is that of start_kernel() and kernel_init() (init/main.c), with nothing else happening between.
 *
 * Tables lie where memblock, or the decompressor, would put them if nothing but the kernel image had been put into memory
 * before; those of a real machine lie elsewhere.
 */

import { InputError, NotModelledError } from '../../../errors.ts';
import { SimulatedMemory } from '../../../memory/simulated_memory.ts';
import type { VirtualAddress } from '../../../mmu/format.ts';
import type { Booted, BootOptions } from '../../architecture.ts';
import { BuddyAllocator } from '../../mm/buddy.ts';
import type { FrameAllocator, FrameRange } from '../../mm/frame_allocator.ts';
import { kfence_init } from '../../mm/kfence/core.ts';
import {
  createMemblock,
  for_each_free_mem_range,
  type Memblock,
  memblock_add,
  memblock_phys_alloc_range,
  memblock_reserve,
} from '../../mm/memblock.ts';
import { check_debug_pagealloc_size, debug_pagealloc_free_all } from '../../mm/page_alloc.ts';
import { type AllocationPolicy, grantAll } from '../../task.ts';
import { LOWCORE_SIZE, setup_vmem } from './boot/vmem.ts';
import { type BootState, completed } from './boot_state.ts';
import { checkS390Config } from './config.ts';
import { imageOf, type KernelImage } from './images.ts';
import { HARDWARE_INDEX_BITS, PAGE_SIZE, type S390Machine } from './machine.ts';
import {
  arch_setup_zero_pages,
  free_initmem,
  kfence_alloc_pool,
  kfence_split_mapping,
  reserve_boot_memory,
  vmem_map_init,
} from './mm/init.ts';
import { CRST_ALLOC_ORDER } from './mm/pgalloc.ts';
import { S390Kernel } from './s390_kernel.ts';

/** Config, parameters and machine are those that `S390` makes. */
export interface S390BootOptions extends BootOptions {
  /** The kernel's sections and where they lie; the release's Debian build, where it is known, if not given. */
  image?: KernelImage | undefined;
  /** Where KASLR puts the direct map, a multiple of 2G; 0 if not given. Only where the decompressor builds it. */
  identity_base?: VirtualAddress;
  /** Physical address of the zero pages of v7.2. */
  zero_pages?: number;
  /** Physical address of KFENCE's pool. */
  kfence_pool?: number;
  /** Who grants the kernel memory for tables while it boots; nothing is refused if not given. */
  policy?: AllocationPolicy;
  /** Makes the page allocator out of what boot leaves free; a buddy allocator if not given. */
  frames?: (free: readonly FrameRange[]) => FrameAllocator;
}

export interface BootedS390 extends Booted {
  kernel: S390Kernel;
}

/**
 * Effect: the machine has booted, and is RUNNING. None of it can be undone.
 * @throws InputError where RAM does not suffice, NotModelledError for what s390 does not have.
 */
export function bootS390(options: S390BootOptions): BootedS390 {
  checkS390Config(options.config);
  if (options.boot.debug_pagealloc) check_debug_pagealloc_size(options.machine);
  const init = createInit(options);
  const { k } = init;
  return k.memory.withoutJournal(() => {
    if (k.has['decompressor-maps']) setup_vmem(init);
    vmem_map_init(init);
    arch_setup_zero_pages(init);
    kfence_alloc_pool(init);
    kfence_split_mapping(init);
    const free = mem_init(init, options);
    completed(init, kfence_init(k));
    free_initmem(init);
    k.system_state = 'RUNNING';
    return { kernel: k, free };
  });
}

function createInit(options: S390BootOptions): BootState {
  const { version, config, boot, memory, policy = grantAll, zero_pages, kfence_pool } = options;
  const machine = options.machine as S390Machine;
  const hardware = machine.index_bits === HARDWARE_INDEX_BITS;
  const image = options.image ?? (hardware ? imageOf(version.release) : undefined);
  if (image !== undefined && !hardware)
    throw new NotModelledError('a kernel image in a small geometry', 'there is no room for its mapping');
  const k = new S390Kernel({
    memory: memory ?? new SimulatedMemory(),
    version,
    config,
    boot,
    machine,
    frames: NO_FRAMES,
    image,
    root: image?.swapper_pg_dir ?? 0,
    identity_base: options.identity_base ?? 0,
  });
  checkLayout(k);
  const memblock = memblockOf(k);
  k.memblock = hardware ? memblock : tablesOutOfTheWay();
  if (image === undefined) k.root = topTable(k, k.memblock);
  k.slab_is_available = false;
  return { k, memblock, policy, zero_pages, kfence_pool };
}

function checkLayout(k: S390Kernel): void {
  const { identity_base, ident_map_size, max_physical } = k;
  if (
    identity_base !== 0 &&
    (!k.has['decompressor-maps'] || identity_base % 2 ** k.format.levelShift(3) !== 0)
  )
    throw wrong(
      'identity base',
      identity_base,
      'a multiple of 2G, and 0 for a kernel that builds its map itself',
    );
  if (ident_map_size > max_physical)
    throw wrong(
      'the end of memory',
      ident_map_size,
      `at most 0x${max_physical.toString(16)} with ${k.format.levels} levels`,
    );
}

function wrong(what: string, found: number, expected: string): InputError {
  return new InputError({
    code: 'out-of-range',
    what,
    where: '',
    found: `0x${found.toString(16)}`,
    expected,
  });
}

/** RAM, of which the lowcore, or on a machine too small for one the first page, and the kernel image have been taken. */
function memblockOf(k: S390Kernel): Memblock {
  const memblock = createMemblock();
  for (const { start, end, type } of k.machine.memory) {
    if (type !== 'RAM') continue;
    const first = Math.ceil(start / PAGE_SIZE) * PAGE_SIZE;
    const last = Math.floor(end / PAGE_SIZE) * PAGE_SIZE;
    if (first < last) memblock_add(memblock, first, last - first);
  }
  memblock_reserve(memblock, 0, k.has_lowcore ? LOWCORE_SIZE : PAGE_SIZE);
  if (k.image === undefined) return memblock;
  const { stext, end, amode31 } = k.image;
  if (memblock.memory.every((range) => end > range.end || stext < range.start))
    throw wrong(
      'the end of memory',
      k.ident_map_size,
      `at least 0x${end.toString(16)}, so that there is room for the kernel image`,
    );
  memblock_reserve(memblock, stext, end - stext);
  memblock_reserve(memblock, amode31.start, amode31.end - amode31.start);
  return memblock;
}

/** Above all RAM that a small geometry can have: the tables that boot makes take none of it. */
function tablesOutOfTheWay(): Memblock {
  const memblock = createMemblock();
  memblock_add(memblock, 2 ** 32, 2 ** 28);
  return memblock;
}

/** Without an image there is no swapper_pg_dir: a table like the others then. */
function topTable(k: S390Kernel, memblock: Memblock): number {
  const size = PAGE_SIZE * 2 ** CRST_ALLOC_ORDER(k);
  const root = memblock_phys_alloc_range(memblock, size, size, 0, Number.MAX_SAFE_INTEGER);
  if (root === 0)
    throw wrong('the end of memory', k.ident_map_size, 'more, so that there is room for tables');
  return root;
}

/** Effect: the page allocator has the memory that nobody else has. mm/mm_init.c:2717 (v7.2) */
function mem_init(init: BootState, options: S390BootOptions): readonly FrameRange[] {
  const { k, memblock } = init;
  reserve_boot_memory(init);
  const free = for_each_free_mem_range(memblock)
    .map(({ start, end }) => ({ start: Math.ceil(start / PAGE_SIZE), end: Math.floor(end / PAGE_SIZE) }))
    .filter(({ start, end }) => start < end);
  const guardpage_minorder = k.boot.debug_pagealloc ? k.boot.debug_guardpage_minorder : 0;
  k.frames = options.frames?.(free) ?? new BuddyAllocator(free, { zones: k.zones, guardpage_minorder });
  k.slab_is_available = true;
  k.memblock = undefined;
  k.debug_pagealloc_key = k.boot.debug_pagealloc;
  debug_pagealloc_free_all(k);
  return free;
}

/** There is no page allocator yet. */
const NO_FRAMES: FrameAllocator = {
  allocate: () => undefined,
  free: () => {},
  mark: () => 0,
  undo: () => {},
};
