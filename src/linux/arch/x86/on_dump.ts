/** A kernel started on the page tables of a real machine, copy-on-write. */

import { SimulatedMemory } from '../../../memory/simulated_memory.ts';
import { walk } from '../../../mmu/walk.ts';
import type { DumpedMachine } from '../../architecture.ts';
import { SetPageReserved } from '../../mm/page_flags.ts';
import { mappedRanges } from './boot.ts';
import { imageFromTables } from './image_from_tables.ts';
import { PAGE_SIZE } from './include/asm/page_types.ts';
import { x86Machine } from './machine.ts';
import { X86Kernel } from './x86_kernel.ts';

/**
 * Effect: a running kernel whose tables are the dump's. What tables do not tell comes from the memory map: which
 * frames the direct map was built for is found by building it again for the same machine.
 */
export function kernelOnDump(dump: DumpedMachine): X86Kernel {
  const levels = dump.levels === 5 ? 5 : 4;
  const machine = x86Machine({ ram: dump.memory, cpus: dump.cpus, levels, where: 'dump' });
  const { image, phys_base } = imageFromTables(dump.tables, dump.root, levels);
  const kernel = new X86Kernel({
    memory: new SimulatedMemory(dump.tables),
    version: dump.version,
    config: dump.config,
    boot: dump.boot,
    machine,
    frames: dump.frames,
    image: { ...image, init_top_pgt: dump.root },
    page_offset: dump.page_offset,
  });
  kernel.phys_base = phys_base;
  Object.assign(kernel, mappedRanges(machine, dump.version, dump.config, dump.boot));
  dump.direct_pages_count.forEach((count, level) => {
    kernel.direct_pages_count.set(level, count);
  });
  kernel.direct_gbpages &&= machine.features.gbpages && !dump.boot.debug_pagealloc;
  kernel.after_bootmem = true;
  kernel.kernel_set_to_readonly = dump.boot.rodata && dump.config.STRICT_KERNEL_RWX;
  kernel.debug_pagealloc_key = dump.boot.debug_pagealloc;
  kernel.system_state = 'RUNNING';
  if (dump.boot.debug_pagealloc) reserveBootTables(kernel);
  return kernel;
}

/** Under debug_pagealloc nobody splits the direct map: its tables are those that boot took from memblock. */
function reserveBootTables(k: X86Kernel): void {
  const range = { start: k.page_offset, end: k.page_offset + k.max_pfn_mapped * PAGE_SIZE };
  const onTable = (_level: number, table: number) => SetPageReserved(k, Math.floor(table / PAGE_SIZE));
  for (const _run of walk(k.memory, k.format, k.root, { range, onTable }));
}
