/** A kernel started on the page tables of a real machine, copy-on-write. */

import { SimulatedMemory } from '../../../memory/simulated_memory.ts';
import { _PAGE_NOEXEC, S390xFormat } from '../../../mmu/s390x.ts';
import { walk } from '../../../mmu/walk.ts';
import type { DumpedMachine } from '../../architecture.ts';
import { findKfencePool } from '../../mm/kfence/find_pool.ts';
import { checkS390Config } from './config.ts';
import { imageOf } from './images.ts';
import { s390Machine } from './machine.ts';
import { S390Kernel } from './s390_kernel.ts';

/**
 * Effect: a running kernel whose tables are the dump's. What the CPU can do shows in them: it has the large leaves, and the
 * "no execution", that are there. It runs the image of its release if its top table is where that one's is.
 */
export function kernelOnDump(dump: DumpedMachine): S390Kernel {
  checkS390Config(dump.config);
  const levels = dump.levels === 4 ? 4 : 3;
  const machine = s390Machine({
    ram: dump.memory,
    cpus: dump.cpus,
    levels,
    features: featuresOf(dump, levels),
    where: 'dump',
  });
  const image = imageOf(dump.version.release);
  const kernel = new S390Kernel({
    memory: new SimulatedMemory(dump.tables),
    version: dump.version,
    config: dump.config,
    boot: dump.boot,
    machine,
    frames: dump.frames,
    image: image?.swapper_pg_dir === dump.root ? image : undefined,
    root: dump.root,
    identity_base: dump.page_offset - dump.phys_offset,
  });
  dump.direct_pages_count.forEach((count, level) => {
    kernel.direct_pages_count.set(level, count);
  });
  kernel.debug_pagealloc_key = dump.boot.debug_pagealloc;
  kernel.system_state = 'RUNNING';
  findKfencePool(kernel);
  return kernel;
}

function featuresOf({ tables, root }: DumpedMachine, levels: 3 | 4): Record<string, boolean> {
  const found = { edat1: false, edat2: false, nx: false };
  for (const { kind, level, flags } of walk(tables, new S390xFormat({ levels }), root)) {
    if (kind !== 'leaf' && kind !== 'not-present') continue;
    if (level === 3) found.edat1 = found.edat2 = true;
    else if (level === 2) found.edat1 = true;
    if ((flags & _PAGE_NOEXEC) !== 0) found.nx = true;
  }
  return found;
}
