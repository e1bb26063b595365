/** Page tables of real kernels, and what was counted in them on the machine. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { PageSource } from '../../src/memory/physical_memory.ts';
import { openDump } from '../../src/memory/sources/open_dump.ts';
import type { EntryFormat, VirtualAddress } from '../../src/mmu/format.ts';
import { type AddressRange, type Run, walk } from '../../src/mmu/walk.ts';

/** The JSON beside a core, as far as tests use it. Addresses are hexadecimal text. */
export interface CoreDescription {
  arch: string;
  root: string;
  levels: number;
  pageSize: number;
  va_bits: number;
  lpa2?: boolean;
  sysregs?: Record<string, string>;
  /** First and last byte. */
  ram: [string, string][];
  /** Virtual and physical start, and size in bytes. */
  linearRanges: [string, string, string][];
  linearLeaves: LeafCounts;
  /** Leaves of the whole kernel space, by bytes. */
  allLeaves: Record<string, number>;
  /** By height: 0 is the tables of base pages. */
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

export function readDescription(name: string, directory = CORES): CoreDescription {
  return JSON.parse(readFileSync(new URL(`${name}.json`, directory), 'utf8'));
}

/** Count what the description of a core counts: of `name`, or with '.end' of the same machine after its trace. */
export function countCore(
  name: string,
  description: CoreDescription,
  format: EntryFormat,
  suffix: '' | '.end' = '',
  directory = CORES,
): Counted {
  const dump = openDump(fileURLToPath(new URL(`${name}${suffix}.core.gz`, directory)));
  try {
    return count(dump.core, description, format);
  } finally {
    dump.close();
  }
}

function count(source: PageSource, description: CoreDescription, format: EntryFormat): Counted {
  const counted: Counted = {
    tables: Object.fromEntries(Object.keys(description.tables).map((height) => [height, 0])),
    allLeaves: {},
    linearLeaves: {},
    invalidNonZero: 0,
    broken: [],
    misplaced: [],
  };
  const root = Number(description.root);
  const bits = format.signExtended ? description.va_bits - 1 : description.va_bits;
  const onTable = (level: number) => add(counted.tables, level - 1, 1);
  for (const run of walk(source, format, root, { range: { start: -(2 ** bits), end: 0 }, onTable })) {
    if (run.kind === 'leaf') add(counted.allLeaves, bytesOf(format, run), run.count);
    if (run.kind === 'not-present') counted.invalidNonZero += run.count;
    if (run.kind === 'bad' || run.kind === 'missing') counted.broken.push(run);
  }
  const [virtual, physical] = description.linearRanges[0]!;
  const offset = virtualAddress(virtual) - Number(physical);
  for (const range of linearRanges(description, offset)) {
    for (const run of walk(source, format, root, { range })) {
      if (run.kind !== 'leaf' && run.kind !== 'not-present') continue;
      if (run.frame * description.pageSize !== run.address - offset) counted.misplaced.push(run);
      if (run.kind !== 'leaf') continue;
      counted.linearLeaves[bytesOf(format, run)] ??= {};
      const attributes = format.attributes(run.level, run.low, run.high);
      add(counted.linearLeaves[bytesOf(format, run)]!, `0x${attributes.toString(16)}`, run.count);
    }
  }
  return counted;
}

function linearRanges(description: CoreDescription, offset: number): AddressRange[] {
  return description.ram.map(([first, last]) => ({
    start: Number(first) + offset,
    end: Number(last) + 1 + offset,
  }));
}

function virtualAddress(hex: string): VirtualAddress {
  return Number(BigInt.asIntN(64, BigInt(hex)));
}

function bytesOf(format: EntryFormat, run: Run): number {
  return 2 ** format.levelShift(run.level);
}

function add(counts: Record<string, number>, key: string | number, by: number): void {
  counts[key] = (counts[key] ?? 0) + by;
}
