/** A kernel started on the page tables of a real machine, copy-on-write. */

import type { PageSource } from '../../../memory/physical_memory.ts';
import { SimulatedMemory } from '../../../memory/simulated_memory.ts';
import { type EntryFormat, EntryKind, type VirtualAddress } from '../../../mmu/format.ts';
import { walk } from '../../../mmu/walk.ts';
import type { DumpedMachine } from '../../architecture.ts';
import { IMAGE_7_2 } from './kernel_image.ts';
import { LoongarchKernel } from './loongarch_kernel.ts';
import { loongarchMachine } from './machine.ts';

/** Effect: a running kernel whose tables are the dump's. The direct map is in none of them. @throws InputError */
export function kernelOnDump(dump: DumpedMachine): LoongarchKernel {
  const { memory, cpus, page_size, levels } = dump;
  const kernel = new LoongarchKernel({
    memory: new SimulatedMemory(dump.tables),
    version: dump.version,
    config: dump.config,
    boot: dump.boot,
    machine: loongarchMachine({ ram: memory, cpus, page_size, levels, where: 'dump' }),
    frames: dump.frames,
    image: { ...IMAGE_7_2, swapper_pg_dir: dump.root },
  });
  kernel.invalid_tables = invalidTables(dump.tables, kernel.format, dump.root);
  kernel.memory_map = memoryMap(kernel);
  kernel.debug_pagealloc_key = dump.boot.debug_pagealloc;
  kernel.system_state = 'RUNNING';
  return kernel;
}

/** Where the struct pages begin: nothing else of the kernel's is mapped by large leaves, and they lie at the end. */
function memoryMap(k: LoongarchKernel): VirtualAddress | undefined {
  for (const run of walk(k.memory, k.format, k.root, { range: k.kernel_range, sharedOnce: true }))
    if (run.kind === 'leaf' && run.level > 1) return run.address;
  return undefined;
}

/**
 * By level, the table that empty entries name: what most entries of the root do, and all of the one that they name. A root
 * of few entries may have more of another, but never twice the same.
 */
function invalidTables(source: PageSource, format: EntryFormat, root: number): (number | undefined)[] {
  const tables: (number | undefined)[] = [];
  let table: number | undefined = root;
  for (let level = format.levels; level > 1 && table !== undefined; level--) {
    table = mostNamed(source, format, table, level);
    tables[level - 1] = table;
  }
  return tables;
}

/** The table that entries of a table name most often, and more than once. */
function mostNamed(
  source: PageSource,
  format: EntryFormat,
  table: number,
  level: number,
): number | undefined {
  const counts = new Map<number, number>();
  for (let i = 0; i < 2 ** format.indexBits(level); i++) {
    const entry = table + i * 8;
    const page = source.readPage(Math.floor(entry / 4096));
    const at = (entry % 4096) / 4;
    const [low, high] = [page?.[at] ?? 0, page?.[at + 1] ?? 0];
    if (format.kind(level, low, high) !== EntryKind.Table) continue;
    const named = format.tableAddress(level, low, high);
    counts.set(named, (counts.get(named) ?? 0) + 1);
  }
  const [found] = [...counts].sort((a, b) => b[1] - a[1]);
  return found !== undefined && found[1] > 1 ? found[0] : undefined;
}
