/** What can be learnt of the machine behind a dump: its root, its levels, its direct map, its RAM. */

import { InputError } from '../../../errors.ts';
import type { MachineMemory } from '../../../memory/machine_memory.ts';
import type { PageSource } from '../../../memory/physical_memory.ts';
import type { VirtualAddress } from '../../../mmu/format.ts';
import { S390xFormat } from '../../../mmu/s390x.ts';
import { type Run, walk } from '../../../mmu/walk.ts';
import type { DumpFacts, DumpHints } from '../../architecture.ts';
import type { MemoryRange } from '../../machine.ts';
import { LOWCORE_SIZE } from './boot/vmem.ts';
import { PAGE_SIZE } from './machine.ts';

const ASCE_ORIGIN = ~0xfffn;
/** TT of a table's entries: 1 in a region-third table, 2 in a region-second one. */
const TYPE_SHIFT = 2;
/** Pages of a region or segment table. */
const CRST_PAGES = 4;
const SEGMENT_SIZE = 2 ** 20;

/** @throws InputError that says which option gives what the dump does not. */
export function factsOfDump(
  memory: MachineMemory,
  tables: PageSource,
  where: string,
  hints: DumpHints,
): DumpFacts {
  const root = hints.root ?? rootOf(memory, where);
  const levels = (hints.levels ?? levelsOf(tables, root, where)) === 4 ? 4 : 3;
  const tableFrames = new Set<number>();
  const onTable = (level: number, table: number) => {
    const pages = level === 1 ? 1 : CRST_PAGES;
    for (let page = 0; page < pages; page++) tableFrames.add(Math.floor(table / PAGE_SIZE) + page);
  };
  const runs = [...walk(tables, new S390xFormat({ levels }), root, { onTable })].filter(
    ({ kind }) => kind === 'leaf' || kind === 'not-present',
  );
  const page_offset = hints.page_offset ?? pageOffsetOf(runs);
  const ram = page_offset === undefined ? [] : ramOf(runs, page_offset);
  if (page_offset === undefined || ram.length === 0) {
    throw new InputError({
      code: 'missing',
      what: 'a direct map',
      where,
      hint: 'no leaf maps physical memory from there; --page-offset and --root say where to look',
    });
  }
  return { root, levels, page_offset, ram, tableFrames, release: memory.vmcoreinfo?.release };
}

/** The kernel runs in home space mode, so that control register 13 names its tables, whoever else's are in use. */
function rootOf({ cpus }: MachineMemory, where: string): number {
  const asce = cpus.find(({ CR13 }) => (CR13 ?? 0n) !== 0n)?.CR13;
  if (asce !== undefined) return Number(asce & ASCE_ORIGIN);
  throw new InputError({
    code: 'missing',
    what: 'control register 13',
    where,
    hint: 'so the top table is not known: --root ADDRESS gives its physical address',
  });
}

/** Every entry says which table it is in, an empty one too. */
function levelsOf(tables: PageSource, root: number, where: string): number {
  const words = tables.readPage(Math.floor(root / PAGE_SIZE));
  if (words !== undefined) return ((words[0]! >>> TYPE_SHIFT) & 3) + 2;
  throw new InputError({
    code: 'out-of-range',
    what: 'top table',
    where,
    found: `physical 0x${root.toString(16)}`,
    expected: 'an address that the dump holds; --root gives another',
  });
}

/** The difference, in whole segments, between address and frame that most of the mapped memory has. */
function pageOffsetOf(runs: readonly Run[]): VirtualAddress | undefined {
  const pages = new Map<number, number>();
  for (const run of runs) {
    const offset = run.address - run.frame * PAGE_SIZE;
    if (offset >= 0 && offset % SEGMENT_SIZE === 0) pages.set(offset, (pages.get(offset) ?? 0) + run.pages);
  }
  return [...pages].sort((a, b) => b[1] - a[1])[0]?.[0];
}

/** The frames that the direct map maps, and the lowcore's, which is mapped where it lies. */
function ramOf(runs: readonly Run[], page_offset: VirtualAddress): MemoryRange[] {
  const ranges: MemoryRange[] = [];
  for (const { address, frame, pages } of runs) {
    const start = frame * PAGE_SIZE;
    const lowcore = address === start && start < LOWCORE_SIZE;
    if (address !== start + page_offset && !lowcore) continue;
    const last = ranges.at(-1);
    if (last?.end === start) last.end = start + pages * PAGE_SIZE;
    else ranges.push({ start, end: start + pages * PAGE_SIZE, type: 'RAM' });
  }
  return ranges;
}
