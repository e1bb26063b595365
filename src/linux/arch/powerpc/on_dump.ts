/** A kernel started on the page tables of a real machine, copy-on-write. */

import { NotModelledError } from '../../../errors.ts';
import { SimulatedMemory } from '../../../memory/simulated_memory.ts';
import type { VirtualAddress } from '../../../mmu/format.ts';
import { isHashTable } from '../../../mmu/ppc64_radix.ts';
import { walk } from '../../../mmu/walk.ts';
import type { DumpedMachine } from '../../architecture.ts';
import { KFENCE_NUM_OBJECTS, KFENCE_POOL_PAGES } from '../../mm/kfence/core.ts';
import { KFENCE_OFF } from '../../mm/kfence/state.ts';
import { defaultImage } from './kernel_image.ts';
import { powerpcMachine } from './machine.ts';
import { memory_block_size } from './mm/init_64.ts';
import { PowerpcKernel } from './powerpc_kernel.ts';

/**
 * Effect: a running radix kernel whose tables are the dump's.
 * @throws InputError, NotModelledError where the kernel used the hash table, in which the linear map is then
 */
export function kernelOnDump(dump: DumpedMachine): PowerpcKernel {
  if (isHashTable(dump.tables, dump.root)) {
    throw new NotModelledError(
      'the tables of a hash kernel',
      'its linear map is in the hash table, which is no page table and was not recorded',
    );
  }
  const { memory, cpus, page_size } = dump;
  const machine = powerpcMachine({ ram: memory, cpus, page_size, where: 'dump' });
  const kernel = new PowerpcKernel({
    memory: new SimulatedMemory(dump.tables),
    version: dump.version,
    config: dump.config,
    boot: dump.boot,
    machine,
    frames: dump.frames,
    image: { ...defaultImage(dump.version.release, page_size, false), swapper_pg_dir: dump.root },
  });
  kernel.memory_block_size = memory_block_size(kernel);
  kernel.max_pfn = Math.floor(Math.max(0, ...memory.map(({ end }) => end)) / page_size);
  dump.direct_pages_count.forEach((count, level) => {
    kernel.direct_pages_count!.set(level, count);
  });
  kernel.debug_pagealloc_key = dump.boot.debug_pagealloc;
  kernel.system_state = 'RUNNING';
  if (kernel.config.KFENCE && dump.boot.kfence_sample_interval !== 0) findKfencePool(kernel);
  return kernel;
}

/**
 * Effect: KFENCE's pool is known, if the direct map has what looks like it: base pages of which the first two and then
 * every other are not present, as many as a pool has. Which objects are in use is not known.
 */
function findKfencePool(k: PowerpcKernel): void {
  const pages = KFENCE_POOL_PAGES(KFENCE_NUM_OBJECTS);
  const isGuard = (address: VirtualAddress) =>
    k.leafAt(address)?.level === 1 && k.translate(address) === undefined;
  const guards = [0, ...Array.from({ length: pages / 2 }, (_, object) => 2 * object + 1)];
  for (const run of walk(k.memory, k.format, k.root, { range: k.direct_map })) {
    if (run.kind !== 'not-present' || run.pages < 2) continue;
    if (!guards.every((page) => isGuard(run.address + page * k.page_size))) continue;
    const start = k.__pa(run.address) / k.page_size;
    k.kfence_pool = { start, end: start + pages };
    k.kfence.set({ ...KFENCE_OFF, pool: k.kfence_pool, enabled: true });
    return;
  }
}
