/** What a walk finds in the page tables of a real kernel, in the form of the JSON beside the core. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FrameWords } from '../../src/memory/frame_words.ts';
import type { PageSource } from '../../src/memory/physical_memory.ts';
import { openDump } from '../../src/memory/sources/open_dump.ts';
import type { EntryFormat } from '../../src/mmu/format.ts';
import { type Run, type WalkOptions, walk } from '../../src/mmu/walk.ts';

/** As much of the JSON as tests of formats read. Addresses are hexadecimal text; heights count from 0, base pages. */
export interface WalkedCore {
  root: string;
  /** Virtual and physical start, and bytes. */
  linearRanges: [string, string, string][] | null;
  /** Bytes of a leaf, entry without its address, count. */
  linearLeaves: Record<string, Record<string, number>>;
  allLeaves: Record<string, number>;
  tables: Record<string, number>;
  invalidNonZero: number;
}

/** The words of the core of that name, in the byte order of its tables, and its description. */
export function openCore(
  name: string,
  bigEndianTables: boolean,
): { words: PageSource; description: WalkedCore } {
  const file = (extension: string) =>
    fileURLToPath(new URL(`../data/cores/${name}.${extension}`, import.meta.url));
  return {
    words: new FrameWords(openDump(file('core.gz')).core, !bigEndianTables),
    description: JSON.parse(readFileSync(file('json'), 'utf8')),
  };
}

/**
 * The tables, the present leaves and the not-present leaves of the window that begins at `start`; the runs that are
 * bad or missing, and those of the linear map that have another frame than it has there.
 */
export function countCore(
  words: PageSource,
  format: EntryFormat,
  description: WalkedCore,
  start: number,
  options: WalkOptions = {},
) {
  const tables: Record<string, number> = { 0: 0, 1: 0, 2: 0, 3: 0, 4: 0 };
  const allLeaves: Record<string, number> = {};
  const linearLeaves: Record<string, Record<string, number>> = {};
  const broken: Run[] = [];
  const misplaced: Run[] = [];
  let invalidNonZero = 0;
  const onTable = (level: number) => add(tables, level - 1, 1);
  const end = start + 2 ** (format.levelShift(format.levels) + format.indexBits(format.levels));
  const linear = linearRanges(description);
  const range = { start, end };
  for (const run of walk(words, format, Number(description.root), { ...options, range, onTable })) {
    if (run.kind === 'not-present') invalidNonZero += run.count;
    if (run.kind === 'bad' || run.kind === 'missing') broken.push(run);
    if (run.kind !== 'leaf') continue;
    const size = 2 ** format.levelShift(run.level);
    add(allLeaves, size, run.count);
    const within = linear.find((each) => each.start <= run.address && run.address < each.end);
    if (within === undefined) continue;
    if (run.frame * 2 ** format.pageShift !== run.address - within.offset) misplaced.push(run);
    linearLeaves[size] ??= {};
    const attributes = format.attributes(run.level, run.low, run.high);
    add(linearLeaves[size], `0x${attributes.toString(16)}`, run.count);
  }
  return { tables, allLeaves, linearLeaves, invalidNonZero, broken, misplaced };
}

/** With the difference between virtual and physical addresses. */
function linearRanges({ linearRanges }: WalkedCore) {
  return (linearRanges ?? []).map(([virtual, physical, bytes]) => {
    const start = Number(BigInt.asIntN(64, BigInt(virtual)));
    return { start, end: start + Number(bytes), offset: start - Number(physical) };
  });
}

function add(counts: Record<string, number>, key: string | number, by: number): void {
  counts[key] = (counts[key] ?? 0) + by;
}
