/** Page tables of real kernels, and what was counted in them on the machine. */

import { readFileSync } from 'node:fs';
import type { ElfCore } from '../../src/memory/elf_core.ts';
import { FrameWords } from '../../src/memory/frame_words.ts';
import type { PageSource } from '../../src/memory/physical_memory.ts';
import type { EntryFormat } from '../../src/mmu/format.ts';
import { type Run, type WalkOptions, walk } from '../../src/mmu/walk.ts';
import { openCore } from './open_core.ts';

/** The JSON beside a core, as far as tests use it. Addresses are hexadecimal text; heights count from 0, base pages. */
export interface CoreDescription {
  arch: string;
  kernel: string;
  root: string;
  levels: number;
  pageSize: number;
  pageOffset: string;
  physOffset: string;
  /** First and last byte. */
  ram: [string, string][];
  va_bits: number;
  lpa2?: boolean;
  sysregs?: Record<string, string>;
  /** Virtual and physical start, and bytes; null where no table maps memory linearly. Not of x86-64. */
  linearRanges: [string, string, string][] | null;
  linearLeaves: LeafCounts;
  /** Leaves of the whole kernel space, by bytes. */
  allLeaves: Record<string, number>;
  /** By height. */
  tables: Record<string, number>;
  invalidNonZero: number;
}

/** How many leaves there are, by bytes, and by the entry without its address. */
export type LeafCounts = Record<string, Record<string, number>>;

export interface Counted {
  tables: Record<string, number>;
  allLeaves: Record<string, number>;
  /** Of the present leaves that map RAM where the linear map has it. */
  linearLeaves: LeafCounts;
  invalidNonZero: number;
  /** Runs that are bad or missing. */
  broken: Run[];
  /** Runs of leaves in the linear map, present or not, with another frame than the linear map has there. */
  misplaced: Run[];
}

const CORES = new URL('../data/cores/', import.meta.url);

export function readDescription(name: string): CoreDescription {
  return JSON.parse(readFileSync(new URL(`${name}.json`, CORES), 'utf8'));
}

/** The core of that name; '.end' is the same machine after its trace. */
export function readCore(name: string, suffix: '' | '.end' = ''): ElfCore {
  return openCore(new URL(`${name}${suffix}.core.gz`, CORES));
}

/** The words of a core in the byte order of its tables. */
export function tablesOf(core: ElfCore, format: EntryFormat): PageSource {
  return new FrameWords(core, core.littleEndian && !format.bigEndianTables);
}

/** Count what the description of a core counts, in the window of the kernel's that begins at `start`. */
export function countCore(
  words: PageSource,
  format: EntryFormat,
  description: CoreDescription,
  start: number,
  options: WalkOptions = {},
): Counted {
  const counted: Counted = {
    tables: Object.fromEntries(Object.keys(description.tables).map((height) => [height, 0])),
    allLeaves: {},
    linearLeaves: {},
    invalidNonZero: 0,
    broken: [],
    misplaced: [],
  };
  const onTable = (level: number) => add(counted.tables, level - 1, 1);
  const range = { start, end: endOfWindow(format, start) };
  for (const run of walk(words, format, Number(description.root), { ...options, range, onTable })) {
    if (run.kind === 'not-present') counted.invalidNonZero += run.count;
    if (run.kind === 'bad' || run.kind === 'missing') counted.broken.push(run);
    if (run.kind === 'leaf') add(counted.allLeaves, bytesOf(format, run), run.count);
  }
  for (const { offset, ...range } of linearRanges(description)) {
    for (const run of walk(words, format, Number(description.root), { ...options, range })) {
      if (run.kind !== 'leaf' && run.kind !== 'not-present') continue;
      if (run.frame * 2 ** format.pageShift !== run.address - offset) counted.misplaced.push(run);
      if (run.kind !== 'leaf') continue;
      counted.linearLeaves[bytesOf(format, run)] ??= {};
      const attributes = format.attributes(run.level, run.low, run.high);
      add(counted.linearLeaves[bytesOf(format, run)]!, `0x${attributes.toString(16)}`, run.count);
    }
  }
  return counted;
}

/** A window is as large as the root; the last of the address space ends with it. */
function endOfWindow(format: EntryFormat, start: number): number {
  const end = start + 2 ** (format.levelShift(format.levels) + format.indexBits(format.levels));
  return start < 0 ? Math.min(0, end) : end;
}

/** Where RAM is in the linear map, and the difference between virtual and physical addresses. */
function linearRanges({ linearRanges, ram }: CoreDescription) {
  const first = linearRanges?.[0];
  if (first === undefined) return [];
  const offset = signedAddress(first[0]) - Number(first[1]);
  return ram.map(([from, to]) => ({ start: Number(from) + offset, end: Number(to) + 1 + offset, offset }));
}

function bytesOf(format: EntryFormat, run: Run): number {
  return 2 ** format.levelShift(run.level);
}

/** A virtual address as this library has them, from the unsigned text of a description. */
export function signedAddress(text: string): number {
  return Number(BigInt.asIntN(64, BigInt(text)));
}

function add(counts: Record<string, number>, key: string | number, by: number): void {
  counts[key] = (counts[key] ?? 0) + by;
}
