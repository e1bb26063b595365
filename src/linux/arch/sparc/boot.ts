/** A machine booted: from firmware's memory to a running kernel, as far as its direct map goes (paging_init() and after). */

import { InputError } from '../../../errors.ts';
import { SimulatedMemory } from '../../../memory/simulated_memory.ts';
import type { Booted, BootOptions } from '../../architecture.ts';
import { BuddyAllocator } from '../../mm/buddy.ts';
import type { FrameAllocator, FrameRange } from '../../mm/frame_allocator.ts';
import {
  createMemblock,
  for_each_free_mem_range,
  memblock_add,
  memblock_reserve,
} from '../../mm/memblock.ts';
import { check_debug_pagealloc_size, debug_pagealloc_free_all } from '../../mm/page_alloc.ts';
import { reserve_bootmem_region } from '../../mm/page_flags.ts';
import { runTask } from '../../task.ts';
import type { BootState } from './boot_state.ts';
import { HARDWARE_INDEX_BITS, type SparcMachine } from './machine.ts';
import { kernel_physical_mapping_init } from './mm/init_64.ts';
import { SparcKernel } from './sparc_kernel.ts';

/**
 * The kernel, in translations of its own that are locked in the TLB. How large it is no recording shows: this is a round
 * number, in which nothing but the pages that are free depends on it. Its top table is in there.
 */
const IMAGE = { start: 0x40_0000, end: 0x140_0000, swapper_pg_dir: 0x120_0000 };
/** Above all RAM that a small geometry can have. */
const TABLES_OUT_OF_THE_WAY = 2 ** 40;

export interface BootedSparc extends Booted {
  kernel: SparcKernel;
}

/** Effect: the machine is RUNNING. @throws InputError where the kernel has no room, NotModelledError */
export function bootSparc(options: BootOptions): BootedSparc {
  const { version, config, boot, memory } = options;
  const machine = options.machine as SparcMachine;
  const small = machine.index_bits < HARDWARE_INDEX_BITS;
  if (config.DEBUG_PAGEALLOC) check_debug_pagealloc_size(machine);
  const k = new SparcKernel({
    memory: memory ?? new SimulatedMemory(),
    version,
    config,
    boot,
    machine,
    frames: NO_FRAMES,
    swapper_pg_dir: small ? TABLES_OUT_OF_THE_WAY : IMAGE.swapper_pg_dir,
  });
  checkFits(k);
  const memblock = createMemblock();
  for (const { start, end, type } of machine.memory)
    if (type === 'RAM') memblock_add(memblock, start, end - start);
  if (!small) memblock_reserve(memblock, IMAGE.start, IMAGE.end - IMAGE.start);
  const init: BootState = { k, memblock, next_small_table: TABLES_OUT_OF_THE_WAY + k.page_size };
  return k.memory.withoutJournal(() => {
    runTask(kernel_physical_mapping_init(init));
    const free = mem_init(init);
    k.system_state = 'RUNNING';
    return { kernel: k, free };
  });
}

function checkFits(k: SparcKernel): void {
  const ram = k.machine.memory.filter(({ type }) => type === 'RAM');
  const aligned = ram.every(({ start, end }) => start % k.page_size === 0 && end % k.page_size === 0);
  const end = Math.max(0, ...ram.map((range) => range.end));
  const room = k.small ? -k.page_offset : 2 ** 47;
  const holdsImage = k.small || ram.some(({ start, end: last }) => start <= IMAGE.start && last >= IMAGE.end);
  if (aligned && end <= room && holdsImage) return;
  throw new InputError({
    code: 'out-of-range',
    what: 'RAM',
    where: '',
    found: ram.map((range) => `0x${range.start.toString(16)}-0x${range.end.toString(16)}`).join(', '),
    expected: `whole pages of 8K below 0x${room.toString(16)}, with 0x${IMAGE.start.toString(16)}-0x${IMAGE.end.toString(16)} for the kernel`,
  });
}

/** Effect: the page allocator has the memory that nobody else has. */
function mem_init({ k, memblock }: BootState): readonly FrameRange[] {
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

/** There is no page allocator yet. */
const NO_FRAMES: FrameAllocator = {
  allocate: () => undefined,
  free: () => {},
  mark: () => 0,
  undo: () => {},
};
