/** What can be learnt of the machine behind a dump: its root, its levels, its direct map, its RAM. */

import { InputError } from '../../../errors.ts';
import type { MachineMemory } from '../../../memory/machine_memory.ts';
import type { PageSource } from '../../../memory/physical_memory.ts';
import type { VirtualAddress } from '../../../mmu/format.ts';
import { type Run, walk } from '../../../mmu/walk.ts';
import { X86Format } from '../../../mmu/x86_64.ts';
import type { DumpFacts, DumpHints } from '../../architecture.ts';
import type { MemoryRange } from '../../machine.ts';
import { __START_KERNEL_map } from './include/asm/page_types.ts';

const GIB = 2 ** 30;

/** @throws InputError that says which option gives what the dump does not. */
export function factsOfDump(
  memory: MachineMemory,
  tables: PageSource,
  where: string,
  hints: DumpHints,
): DumpFacts {
  const root = hints.root ?? rootOf(memory, where);
  const levels = hints.levels === undefined ? levelsOf(memory) : hints.levels === 5 ? 5 : 4;
  const tableFrames = new Set<number>();
  const format = new X86Format({ levels, indexBits: 9, encryptionBit: undefined });
  const start = -(2 ** (levels === 5 ? 56 : 47));
  const onTable = (_level: number, table: number) => tableFrames.add(Math.floor(table / 4096));
  const runs = [...walk(tables, format, root, { range: { start, end: 0 }, onTable })];
  const problem = runs.find((run) => run.kind === 'missing' && run.table === root);
  if (problem !== undefined) {
    throw new InputError({
      code: 'out-of-range',
      what: 'top table',
      where,
      found: `physical 0x${root.toString(16)}`,
      expected: 'an address that the dump holds; --root gives another',
    });
  }
  const page_offset = hints.page_offset ?? pageOffsetOf(runs, where);
  const ram = ramOf(runs, page_offset);
  if (ram.length === 0) {
    throw new InputError({
      code: 'missing',
      what: 'a direct map',
      where,
      hint: 'no leaf maps physical memory from there; --page-offset and --root say where to look',
    });
  }
  return { root, levels, page_offset, ram, tableFrames, release: memory.vmcoreinfo?.release };
}

function rootOf(memory: MachineMemory, where: string): number {
  const symbol = memory.vmcoreinfo?.symbol('init_top_pgt') ?? memory.vmcoreinfo?.symbol('swapper_pg_dir');
  if (symbol === undefined) {
    throw new InputError({
      code: 'missing',
      what: memory.vmcoreinfo === undefined ? 'VMCOREINFO' : 'SYMBOL(swapper_pg_dir) in VMCOREINFO',
      where,
      hint: 'so the top table is not known: --root ADDRESS gives its physical address (CR3 of a kernel thread)',
    });
  }
  const phys_base = memory.vmcoreinfo?.number('phys_base') ?? 0n;
  return Number(BigInt.asIntN(64, symbol) - BigInt(__START_KERNEL_map) + phys_base);
}

function levelsOf(memory: MachineMemory): 4 | 5 {
  return memory.vmcoreinfo?.number('pgtable_l5_enabled') === 1n ? 5 : 4;
}

/** The offset, a multiple of 1G, between address and frame that most of the mapped memory has. */
function pageOffsetOf(runs: readonly Run[], where: string): VirtualAddress {
  const pages = new Map<number, number>();
  for (const run of runs) {
    if (run.kind !== 'leaf' && run.kind !== 'not-present') continue;
    const offset = run.address - run.frame * 4096;
    if (offset % GIB === 0 && run.address < __START_KERNEL_map) {
      pages.set(offset, (pages.get(offset) ?? 0) + run.pages);
    }
  }
  const [best] = [...pages].sort((a, b) => b[1] - a[1]);
  if (best === undefined) {
    throw new InputError({
      code: 'missing',
      what: 'a direct map',
      where,
      hint: 'no leaf maps memory at a 1G-aligned offset; --page-offset gives it',
    });
  }
  return best[0];
}

/** The frames that the direct map maps, but for the VGA and BIOS hole, which it maps on every machine. */
function ramOf(runs: readonly Run[], page_offset: VirtualAddress): MemoryRange[] {
  const ranges: MemoryRange[] = [];
  const add = (start: number, end: number) => {
    const last = ranges.at(-1);
    if (start >= end) return;
    if (last?.end === start) last.end = end;
    else ranges.push({ start, end, type: 'RAM' });
  };
  for (const run of runs) {
    if (run.kind !== 'leaf' && run.kind !== 'not-present') continue;
    const start = run.frame * 4096;
    if (run.address - start !== page_offset) continue;
    const end = start + run.pages * 4096;
    add(start, Math.min(end, 0xa0000));
    add(Math.max(start, 0x100000), end);
  }
  return ranges;
}
