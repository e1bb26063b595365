/** A machine booted. There is nothing to build: a window maps all memory before the kernel's first instruction. */

import { InputError } from '../../../errors.ts';
import { SimulatedMemory } from '../../../memory/simulated_memory.ts';
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
import { reserve_bootmem_region } from '../../mm/page_flags.ts';
import { runTask } from '../../task.ts';
import { kfence_pool_size } from './include/asm/kfence.ts';
import { IMAGE_7_2, NO_IMAGE } from './kernel_image.ts';
import { LoongarchKernel } from './loongarch_kernel.ts';
import { hardwareIndexBits, type LoongarchMachine } from './machine.ts';

export interface BootedLoongarch extends Booted {
  kernel: LoongarchKernel;
}

/** Effect: the machine is RUNNING. @throws InputError where the kernel has no room */
export function bootLoongarch(options: BootOptions): BootedLoongarch {
  const { version, config, boot, memory } = options;
  const machine = options.machine as LoongarchMachine;
  const small = machine.index_bits < hardwareIndexBits(machine.page_size);
  const k = new LoongarchKernel({
    memory: memory ?? new SimulatedMemory(),
    version,
    config,
    boot,
    machine,
    frames: NO_FRAMES,
    image: small ? NO_IMAGE : IMAGE_7_2,
  });
  const memblock = createMemblock();
  for (const { start, end, type } of machine.memory)
    if (type === 'RAM') memblock_add(memblock, start, end - start);
  checkFits(k);
  if (!small) memblock_reserve(memblock, 0, k.image.end);
  return k.memory.withoutJournal(() => {
    const kfence = k.has['loongarch-kfence'] && config.KFENCE && boot.kfence_sample_interval !== 0;
    if (kfence) kfence_alloc_pool(k, memblock);
    const free = mem_init(k, memblock);
    if (kfence) runTask(kfence_init(k));
    k.debug_pagealloc_key = boot.debug_pagealloc;
    k.system_state = 'RUNNING';
    return { kernel: k, free };
  });
}

function checkFits(k: LoongarchKernel): void {
  const first = k.machine.memory.find(({ type }) => type === 'RAM');
  if (first !== undefined && (k.small || (first.start === 0 && first.end > k.image.end))) return;
  throw new InputError({
    code: 'out-of-range',
    what: 'RAM',
    where: '',
    found: first === undefined ? 'none' : `0x${first.start.toString(16)}-0x${first.end.toString(16)}`,
    expected: `more than 0x${k.image.end.toString(16)} bytes from 0 on, for the kernel`,
  });
}

/** Effect: KFENCE's pool is set aside, if there is room. mm/kfence/core.c:886 (v6.12) */
function kfence_alloc_pool(k: LoongarchKernel, memblock: Memblock): void {
  const size = kfence_pool_size(k);
  const pool = memblock_phys_alloc_range(memblock, size, k.page_size, 0, Number.POSITIVE_INFINITY);
  if (pool !== 0) k.kfence_pool = { start: pool / k.page_size, end: (pool + size) / k.page_size };
}

/** Effect: the page allocator has the memory that nobody else has. */
function mem_init(k: LoongarchKernel, memblock: Memblock): readonly FrameRange[] {
  for (const { start, end } of memblock.reserved)
    reserve_bootmem_region(k, Math.floor(start / k.page_size), Math.ceil(end / k.page_size));
  const free = for_each_free_mem_range(memblock)
    .map(({ start, end }) => ({
      start: Math.ceil(start / k.page_size),
      end: Math.floor(end / k.page_size),
    }))
    .filter(({ start, end }) => start < end);
  const dma32 = { name: 'DMA32', end_pfn: 2 ** 32 / k.page_size };
  const normal = { name: 'Normal', end_pfn: Number.POSITIVE_INFINITY };
  const guardpage_minorder = k.boot.debug_pagealloc ? k.boot.debug_guardpage_minorder : 0;
  k.frames = new BuddyAllocator(free, { zones: [dma32, normal], guardpage_minorder });
  return free;
}

/** There is no page allocator yet. */
const NO_FRAMES: FrameAllocator = {
  allocate: () => undefined,
  free: () => {},
  mark: () => 0,
  undo: () => {},
};
