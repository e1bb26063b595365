/** A kernel started on the page tables of a real machine, copy-on-write. */

import { NotModelledError } from '../../../errors.ts';
import { SimulatedMemory } from '../../../memory/simulated_memory.ts';
import { isHashTable } from '../../../mmu/ppc64_radix.ts';
import type { DumpedMachine } from '../../architecture.ts';
import { findKfencePool } from '../../mm/kfence/find_pool.ts';
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
  findKfencePool(kernel);
  return kernel;
}
