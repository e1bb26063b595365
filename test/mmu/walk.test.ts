import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PAGE_SIZE, type PageSource, WORDS_PER_PAGE } from '../../src/memory/physical_memory.ts';
import { SimulatedMemory } from '../../src/memory/simulated_memory.ts';
import { sizeName } from '../../src/mmu/describe.ts';
import { type EntryFormat, EntryKind, hexAddress, type VirtualAddress } from '../../src/mmu/format.ts';
import { type Run, type RunKind, type WalkOptions, walk, walkAddress } from '../../src/mmu/walk.ts';
import {
  _PAGE_GLOBAL,
  _PAGE_NX,
  _PAGE_PCD,
  _PAGE_PRESENT,
  _PAGE_PSE,
  _PAGE_PWT,
  _PAGE_RW,
  _PAGE_USER,
  X86Format,
} from '../../src/mmu/x86_64.ts';
import { readGzippedText, readTinyCore } from '../support/tiny_core.ts';

const x86 = new X86Format();

/** An entry of x86-64, from its flags as the kernel prints them and an address. */
function write(memory: SimulatedMemory, address: number, entry: bigint): void {
  memory.write(address, Number(entry & 0xffff_ffffn), Number(entry >> 32n));
}

/** Four levels with one table each: root at 0x1000, PUD 0x2000, PMD 0x3000, PTE 0x4000, all under index 0. */
function oneTableEach(): SimulatedMemory {
  const memory = new SimulatedMemory();
  write(memory, 0x1000, 0x2067n);
  write(memory, 0x2000, 0x3067n);
  write(memory, 0x3000, 0x4067n);
  return memory;
}

/** The first GiB, which `oneTableEach` maps. */
const FIRST_GIB = { start: 0, end: 2 ** 30 };

function runs(source: PageSource, options?: WalkOptions, format: EntryFormat = x86, root = 0x1000): Run[] {
  return [...walk(source, format, root, options)];
}

/** Runs in short: kind, hexadecimal address, pages, level. */
function short(found: readonly Run[]): string[] {
  return found.map(
    (run) =>
      `${run.kind} ${hexAddress(run.address)} ${run.pages} L${run.level}${run.why ? ` ${run.why}` : ''}`,
  );
}

describe('real page tables', () => {
  const CORES = [
    'x86_64-5.10-custom',
    'x86_64-5.10-debug-pagealloc',
    'x86_64-6.12-debian',
    'x86_64-7.2-debian',
  ];

  test.each(CORES)('%s has the leaves in its direct map that another walker counted', (name) => {
    const { facts, root, memory } = readTinyCore(name);
    const start = Number(BigInt.asIntN(64, BigInt(facts.pageOffset)));
    const counted: Record<string, Record<string, number>> = {};
    for (const run of walk(memory, x86, root, { range: { start, end: start + 64 * 2 ** 40 } })) {
      if (run.kind !== 'leaf' && run.kind !== 'not-present') {
        expect(run.kind).toBe('hole');
        continue;
      }
      const bytes = 2 ** x86.levelShift(run.level);
      counted[bytes] ??= {};
      const sizes = counted[bytes];
      const bits = (BigInt(run.flags >>> 20) << 52n) | BigInt(run.flags & 0x1fff);
      const entry = `0x${bits.toString(16)}`;
      sizes[entry] = (sizes[entry] ?? 0) + run.count;
    }
    expect(counted).toEqual(facts.linearLeaves);
  });

  test.each(CORES)('%s holds each table that its kernel half reaches, and nothing bad', (name) => {
    const { root, memory } = readTinyCore(name);
    const kinds = new Set(
      runs(memory, { range: { start: -(2 ** 47), end: 0 } }, x86, root).map((run) => run.kind),
    );
    expect(kinds.has('missing')).toBe(false);
    expect(kinds.has('bad')).toBe(false);
  });

  test("x86_64-5.10-custom reads as in the kernel's own dump of that boot", () => {
    const { root, memory } = readTinyCore('x86_64-5.10-custom');
    const sections = dumpSections(readGzippedText('x86_64-5.10-custom.ptdump.txt.gz'));
    // The dump counts addresses that are not canonical to the user's, and its reader's stack is gone from vmalloc.
    sections.delete('User Space');
    sections.delete('vmalloc() Area');
    expect(sections.get('Low Kernel Mapping')).toHaveLength(21);
    expect([...sections.values()].flat()).toHaveLength(61);
    for (const lines of sections.values()) {
      const start = BigInt.asIntN(64, BigInt(lines[0]!.slice(0, 18)));
      const end = BigInt.asIntN(64, BigInt(lines.at(-1)!.slice(19, 37)));
      expect(ptdump(memory, root, { start: Number(start), end: Number(end) })).toEqual(lines);
    }
  });
});

/** The lines of a dump under each of its markers. */
function dumpSections(text: string): Map<string, string[]> {
  const sections = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of text.trimEnd().split('\n')) {
    const marker = /^---\[ (.*) \]---$/.exec(line)?.[1];
    if (marker === undefined) {
      lines.push(line);
    } else {
      lines = [];
      sections.set(marker, lines);
    }
  }
  return sections;
}

/** A stretch as the kernel's page-table dump of x86 tells them apart: a level and flags, whatever the frames. */
interface DumpLine {
  start: VirtualAddress;
  end: VirtualAddress;
  level: number;
  flags: number;
}

/** The kernel's page-table dump (v5.10, arch/x86/mm/dump_pagetables.c) of a range, from the walker's runs. */
function ptdump(memory: PageSource, root: number, range: { start: number; end: number }): string[] {
  const lines: DumpLine[] = [];
  const add = (line: DumpLine) => {
    const last = lines.at(-1);
    if (last?.level === line.level && last.flags === line.flags) last.end = line.end;
    else lines.push(line);
  };
  for (const run of walk(memory, x86, root, { range })) {
    const end = run.address + run.pages * PAGE_SIZE;
    if (run.kind === 'leaf') {
      add({ start: run.address, end, level: run.level, flags: run.flags });
      continue;
    }
    // The dump breaks a hole where the level of the empty entries changes.
    for (let start = run.address; start < end; ) {
      const { level } = walkAddress(memory, x86, root, start).at(-1)!;
      const bytes = 2 ** x86.levelShift(level);
      const next = Math.min(end, (Math.floor(start / bytes) + 1) * bytes);
      add({ start, end: next, level, flags: 0 });
      start = next;
    }
  }
  return lines.map(({ start, end, level, flags }) => {
    const size = sizeName(end - start);
    const bits =
      flags === 0
        ? ' '.repeat(30)
        : [
            (flags & _PAGE_USER) !== 0 ? 'USR ' : '    ',
            (flags & _PAGE_RW) !== 0 ? 'RW ' : 'ro ',
            (flags & _PAGE_PWT) !== 0 ? 'PWT ' : '    ',
            (flags & _PAGE_PCD) !== 0 ? 'PCD ' : '    ',
            level > 1 && (flags & _PAGE_PSE) !== 0 ? 'PSE ' : '    ',
            '    ',
            (flags & _PAGE_GLOBAL) !== 0 ? 'GLB ' : '    ',
            (flags & _PAGE_NX) !== 0 ? 'NX ' : 'x  ',
          ].join('');
    const name = x86.levelName(level).toLowerCase();
    return `${hexAddress(start)}-${hexAddress(end).replace(/^0x0$/, `0x${'0'.repeat(16)}`)}   ${size.padStart(10)} ${bits}${name}`;
  });
}

describe('runs', () => {
  test('an empty root is two holes: the halves of the address space', () => {
    expect(short(runs(new SimulatedMemory()))).toEqual([
      'hole 0x0 34359738368 L4',
      'hole 0xffff800000000000 34359738368 L4',
    ]);
  });

  test('the user half comes before the kernel half, and addresses ascend as unsigned numbers', () => {
    const memory = oneTableEach();
    write(memory, 0x4000, 0x100063n);
    write(memory, 0x1000 + 511 * 8, 0x2067n);
    const leaves = runs(memory).filter((run) => run.kind === 'leaf');
    expect(leaves.map((run) => hexAddress(run.address))).toEqual(['0x0', '0xffffff8000000000']);
  });

  test('leaves merge when level, flags and kind agree and the frames follow one another', () => {
    const memory = oneTableEach();
    for (let page = 0; page < 4; page++)
      write(memory, 0x4000 + page * 8, 0x100063n + BigInt(page * PAGE_SIZE));
    write(memory, 0x4000 + 4 * 8, 0x104061n); // the next frame, but read-only
    write(memory, 0x4000 + 5 * 8, 0x106061n); // read-only, but a frame further
    write(memory, 0x4000 + 6 * 8, 0x800f_ffff_ffef_8060n); // pfn 0x107, not present
    expect(runs(memory, { range: { start: 0, end: 7 * PAGE_SIZE } })).toMatchObject([
      { kind: 'leaf', address: 0, pages: 4, count: 4, frame: 0x100, table: 0x4000, low: 0x100063, high: 0 },
      { kind: 'leaf', address: 0x4000, pages: 1, count: 1, frame: 0x104, flags: 0x61 },
      { kind: 'leaf', address: 0x5000, pages: 1, count: 1, frame: 0x106, flags: 0x61 },
      { kind: 'not-present', address: 0x6000, pages: 1, frame: 0x107, low: 0xffef_8060, high: 0x800f_ffff },
    ]);
  });

  test('leaves of different sizes do not merge, though frames and flags fit', () => {
    const memory = oneTableEach();
    for (let page = 0; page < 512; page++) write(memory, 0x4000 + page * 8, BigInt(page * PAGE_SIZE) + 0x63n);
    write(memory, 0x3008, 0x2000e3n);
    write(memory, 0x3010, 0x4000e3n);
    expect(runs(memory, { range: { start: 0, end: 3 * 2 ** 21 } })).toMatchObject([
      { kind: 'leaf', pages: 512, count: 512, level: 1, frame: 0 },
      { kind: 'leaf', pages: 1024, count: 2, level: 2, frame: 512 },
    ]);
  });

  test('leaves merge across the border of two tables', () => {
    const memory = oneTableEach();
    write(memory, 0x3008, 0x5067n);
    write(memory, 0x4000 + 511 * 8, 0x100063n);
    write(memory, 0x5000, 0x101063n);
    const leaves = runs(memory).filter((run) => run.kind === 'leaf');
    expect(leaves).toMatchObject([
      { address: 511 * PAGE_SIZE, pages: 2, count: 2, frame: 0x100, table: 0x4000 },
    ]);
  });

  test('holes merge whatever the level, and say the level where they begin', () => {
    const memory = oneTableEach();
    write(memory, 0x4000, 0x100063n);
    expect(short(runs(memory, { range: FIRST_GIB }))).toEqual(['leaf 0x0 1 L1', 'hole 0x1000 262143 L1']);
    const [, hole] = runs(memory, { range: FIRST_GIB });
    expect(hole).toMatchObject({ count: 511 + 511, table: 0x4000 });
  });

  test('reserved bits are bad, and end the walk of that entry only', () => {
    const memory = oneTableEach();
    write(memory, 0x3008, 0x2020e3n); // a 2M leaf that is not aligned to 2M
    write(memory, 0x1008, 0x10e7n); // PSE in the root
    expect(short(runs(memory, { range: { start: 0, end: 2 ** 40 } }))).toEqual([
      'hole 0x0 512 L1',
      'bad 0x200000 512 L2 reserved bits',
      'hole 0x400000 134216704 L2',
      'bad 0x8000000000 134217728 L4 reserved bits',
    ]);
  });

  test('a table that is its own ancestor is bad and not entered', () => {
    const memory = oneTableEach();
    write(memory, 0x3008, 0x3067n);
    write(memory, 0x3010, 0x1067n);
    expect(short(runs(memory, { range: FIRST_GIB }))).toEqual([
      'hole 0x0 512 L1',
      'bad 0x200000 1024 L2 cycle',
      'hole 0x600000 260608 L2',
    ]);
  });

  test('a table used twice is legal, and each use is walked', () => {
    const memory = oneTableEach();
    write(memory, 0x3008, 0x4067n);
    write(memory, 0x4000, 0x100063n);
    const leaves = runs(memory).filter((run) => run.kind === 'leaf');
    expect(leaves.map((run) => run.address)).toEqual([0, 0x20_0000]);
  });

  test('tables that the source does not have are missing, with their own level and address', () => {
    const all = oneTableEach();
    write(all, 0x3008, 0x5067n);
    write(all, 0x3010, 0x6067n);
    const source: PageSource = { readPage: (pfn) => (pfn < 5 ? all.readPage(pfn) : undefined) };
    const found = runs(source, { range: FIRST_GIB });
    expect(short(found)).toEqual([
      'hole 0x0 512 L1',
      'missing 0x200000 512 L1 unreadable table',
      'missing 0x400000 512 L1 unreadable table',
      'hole 0x600000 260608 L2',
    ]);
    expect(found[1]).toMatchObject({ table: 0x5000, count: 512, low: 0, high: 0 });
    expect(found[2]).toMatchObject({ table: 0x6000, count: 512, low: 0, high: 0 });
  });

  test('a root that the source does not have is missing', () => {
    expect(short(runs({ readPage: () => undefined }, { range: FIRST_GIB }))).toEqual([
      'missing 0x0 262144 L4 unreadable table',
    ]);
  });

  test('a walk that would enter too many tables stops at the first of them', () => {
    const memory = oneTableEach();
    write(memory, 0x3008, 0x5067n);
    write(memory, 0x4000, 0x100063n);
    const found = runs(memory, { maxTables: 4, range: FIRST_GIB });
    expect(short(found)).toEqual([
      'leaf 0x0 1 L1',
      'hole 0x1000 511 L1',
      'bad 0x200000 261632 L2 too many tables',
    ]);
    expect(found[2]).toMatchObject({ low: 0x5067, table: 0x3000 });
    expect(runs(memory, { maxTables: 5, range: FIRST_GIB }).some((run) => run.kind === 'bad')).toBe(false);
  });
});

describe('options', () => {
  test('a range cuts the runs that reach over its ends, and moves the frame of a leaf with its start', () => {
    const memory = oneTableEach();
    write(memory, 0x3008, 0x4000_00e3n);
    expect(runs(memory, { range: { start: 0x20_5000, end: 0x20_7000 } })).toMatchObject([
      { kind: 'leaf', address: 0x20_5000, pages: 2, level: 2, frame: 0x40005, count: 1, low: 0x4000_00e3 },
    ]);
  });

  test('the ends of a range are rounded outward to pages', () => {
    expect(short(runs(oneTableEach(), { range: { start: 0x1fff, end: 0x2001 } }))).toEqual([
      'hole 0x1000 2 L1',
    ]);
  });

  test('a range may reach from the kernel half over 0 into the user half', () => {
    const memory = oneTableEach();
    write(memory, 0x4000, 0x5063n);
    write(memory, 0x1ff8, 0x2067n);
    const found = runs(memory, { range: { start: -(2 ** 47), end: 2 ** 47 } });
    const leaves = found.filter(({ kind }) => kind === 'leaf').map(({ address }) => hexAddress(address));
    expect(leaves).toEqual(['0x0', '0xffffff8000000000']);
    expect(leaves).toEqual(
      runs(memory)
        .filter(({ kind }) => kind === 'leaf')
        .map(({ address }) => hexAddress(address)),
    );
  });

  test('a range may reach from the user half into the kernel half, and be empty', () => {
    const range = { start: 2 ** 47 - PAGE_SIZE, end: -(2 ** 47) + PAGE_SIZE };
    expect(short(runs(oneTableEach(), { range }))).toEqual([
      'hole 0x7ffffffff000 1 L4',
      'hole 0xffff800000000000 1 L4',
    ]);
    expect(runs(oneTableEach(), { range: { start: 0x3000, end: 0x3000 } })).toEqual([]);
    expect(runs(oneTableEach(), { range: { start: 2 ** 50, end: 2 ** 51 } })).toEqual([]);
  });

  test('onTable is told each table once per use, and the root once', () => {
    const memory = oneTableEach();
    write(memory, 0x3008, 0x4067n);
    const tables: string[] = [];
    runs(memory, {
      onTable: (level, table, address) => tables.push(`L${level} ${table} ${hexAddress(address)}`),
    });
    expect(tables).toEqual([
      'L4 4096 0x0',
      'L3 8192 0x0',
      'L2 12288 0x0',
      'L1 16384 0x0',
      'L1 16384 0x200000',
    ]);
  });
});

/**
 * A format unlike x86: tables of any size at any multiple of 256 bytes. The low three bits of an entry are its kind,
 * the next five its flags, the rest its address.
 */
class OddFormat implements EntryFormat {
  readonly usualMemoryType = 'WB';
  readonly bigEndianTables = false;
  readonly name = 'odd';
  readonly pageShift: number;
  readonly levels: number;
  readonly signExtended = false;
  readonly #indexBits: readonly number[];

  /** Index bits from level 1 up. */
  constructor(indexBits: readonly number[], pageShift = 12) {
    this.#indexBits = indexBits;
    this.levels = indexBits.length;
    this.pageShift = pageShift;
  }

  indexBits(level: number): number {
    return this.#indexBits[level - 1]!;
  }
  levelShift(level: number): number {
    return this.#indexBits.slice(0, level - 1).reduce((sum, bits) => sum + bits, this.pageShift);
  }
  levelName(level: number): string {
    return `L${level}`;
  }
  kind(_level: number, low: number, _high: number): EntryKind {
    return Math.min(low & 7, EntryKind.Bad) as EntryKind;
  }
  tableAddress(_level: number, low: number, high: number): number {
    return high * 2 ** 32 + (low - (low & 0xff));
  }
  leafFrame(level: number, low: number, high: number): number {
    return Math.floor(this.tableAddress(level, low, high) / 2 ** this.pageShift);
  }
  flags(_level: number, low: number, _high: number): number {
    return low & 0xf8;
  }
  describe(): readonly string[] {
    return [];
  }
  attributes(_level: number, low: number): bigint {
    return BigInt(low & 0xff);
  }
  restrictions(): number {
    return 0;
  }
  user(): boolean {
    return false;
  }
  mergeable(_level: number, flags: number): number {
    return flags;
  }
  writable(): boolean {
    return true;
  }
  executable(): boolean {
    return false;
  }
  memoryType(): string {
    return 'WB';
  }
}

describe('tables that are not one page', () => {
  test('tables of 16K over tables of 2K, two to a page, are read whole', () => {
    // As on s390: 2048 segments of 1M, each with 256 pages.
    const format = new OddFormat([8, 11]);
    const memory = new SimulatedMemory();
    memory.write(0x10000, 0x8001, 0);
    memory.write(0x10008, 0x8801, 0);
    memory.write(0x10000 + 2047 * 8, 0x8801, 0);
    memory.write(0x8000 + 255 * 8, 0x100002, 0);
    memory.write(0x8800, 0x101002, 0);
    expect(short(runs(memory, {}, format, 0x10000))).toEqual([
      'hole 0x0 255 L1',
      'leaf 0xff000 2 L1',
      `hole 0x101000 ${2047 * 256 - 257} L1`,
      'leaf 0x7ff00000 1 L1',
      'hole 0x7ff01000 255 L1',
    ]);
    expect(walkAddress(memory, format, 0x10000, 0x7ff0_0000)).toMatchObject([
      { level: 2, entryAddress: 0x10000 + 2047 * 8, kind: 'table' },
      { level: 1, entryAddress: 0x8800, kind: 'leaf', low: 0x101002 },
    ]);
  });

  test('one page missing of a table of several is missing, not the rest', () => {
    const format = new OddFormat([8, 11]);
    const zeros = new Uint32Array(2 * WORDS_PER_PAGE);
    const source: PageSource = { readPage: (pfn) => (pfn === 0x12 ? undefined : zeros) };
    const found = runs(source, {}, format, 0x10000);
    expect(short(found)).toEqual([
      'hole 0x0 262144 L2',
      'missing 0x40000000 131072 L2 unreadable table',
      'hole 0x60000000 131072 L2',
    ]);
    expect(found[1]).toMatchObject({ count: 512, table: 0x10000 });
  });

  test('tables of 256 bytes under pages of 64K are read at their place', () => {
    const format = new OddFormat([5, 9], 16);
    const memory = new SimulatedMemory();
    memory.write(0x1000, 0x2301, 0);
    memory.write(0x2300 + 31 * 8, 0x5_0000 | EntryKind.Leaf, 0);
    memory.write(0x2400, 0x6_0000 | EntryKind.Leaf, 0); // already the next table
    expect(short(runs(memory, {}, format))).toEqual([
      'hole 0x0 31 L1',
      'leaf 0x1f0000 1 L1',
      `hole 0x200000 ${511 * 32} L2`,
    ]);
  });

  test('a root that is not sign-extended maps the window that the range begins in', () => {
    const format = new OddFormat([9, 9, 9, 9]);
    const memory = new SimulatedMemory();
    const range = { start: -(2 ** 48), end: 0 };
    expect(short(runs(memory, { range }, format))).toEqual(['hole 0xffff000000000000 68719476736 L4']);
    expect(walkAddress(memory, format, 0x1000, -(2 ** 48))).toMatchObject([{ entryAddress: 0x1000 }]);
  });
});

describe('one address', () => {
  test('the chain goes from the root to the leaf', () => {
    const memory = oneTableEach();
    write(memory, 0x4000 + 5 * 8, 0x8000_0000_0010_0163n);
    expect(walkAddress(memory, x86, 0x1000, 0x5000)).toEqual([
      { level: 4, entryAddress: 0x1000, low: 0x2067, high: 0, kind: 'table', why: undefined },
      { level: 3, entryAddress: 0x2000, low: 0x3067, high: 0, kind: 'table', why: undefined },
      { level: 2, entryAddress: 0x3000, low: 0x4067, high: 0, kind: 'table', why: undefined },
      { level: 1, entryAddress: 0x4028, low: 0x100163, high: 0x8000_0000, kind: 'leaf', why: undefined },
    ]);
  });

  test('the chain ends at a large leaf, a hole, a bad entry, a cycle or a missing table', () => {
    const memory = oneTableEach();
    write(memory, 0x3008, 0x2000e3n);
    write(memory, 0x3010, 0x4020e3n);
    write(memory, 0x3018, 0x1067n);
    const last = (address: number, source: PageSource = memory) =>
      walkAddress(source, x86, 0x1000, address).at(-1);
    expect(last(0x20_5000)).toMatchObject({ level: 2, kind: 'leaf' });
    expect(last(0x5000)).toMatchObject({ level: 1, kind: 'hole' });
    expect(last(0x40_0000)).toMatchObject({ level: 2, kind: 'bad', why: 'reserved bits' });
    expect(last(0x60_0000)).toMatchObject({ level: 2, kind: 'bad', why: 'cycle' });
    expect(last(0x5000, { readPage: (pfn) => (pfn === 4 ? undefined : memory.readPage(pfn)) })).toMatchObject(
      {
        level: 1,
        entryAddress: 0x4028,
        kind: 'missing',
        why: 'unreadable table',
      },
    );
  });

  test('an address that is not canonical has no chain', () => {
    expect(walkAddress(oneTableEach(), x86, 0x1000, 2 ** 47)).toEqual([]);
    expect(walkAddress(oneTableEach(), x86, 0x1000, -(2 ** 47) - PAGE_SIZE)).toEqual([]);
    expect(walkAddress(oneTableEach(), x86, 0x1000, -(2 ** 47))).toHaveLength(1);
    expect(walkAddress(oneTableEach(), x86, 0x1000, -1)).toMatchObject([{ entryAddress: 0x1ff8 }]);
  });
});

/** What one base page is mapped to, as put into the tables. */
interface PutPage {
  kind: RunKind;
  level: number;
  frame: number;
  flags: number;
}

/**
 * Random page tables of a small x86-64, and what each page of its address space was put to. Numbers from a tape
 * decide; leaves often take the frame after the last one, so that there is something to merge.
 */
class RandomTables {
  readonly memory = new SimulatedMemory();
  readonly pages: PutPage[] = [];
  readonly root = 0x1000;
  readonly format: X86Format;
  readonly #tape: readonly number[];
  #at = 0;
  #nextTable = 0x2000;
  #nextFrame = 0;

  constructor(indexBits: number, tape: readonly number[]) {
    this.format = new X86Format({ levels: 4, indexBits, encryptionBit: undefined });
    this.#tape = tape;
    this.#fill(this.root, 4);
  }

  #fill(table: number, level: number): void {
    for (let index = 0; index < 2 ** this.format.indexBits(level); index++)
      this.#entry(table + index * 8, level);
  }

  #entry(address: number, level: number): void {
    const choice = this.#tape[this.#at++] ?? 0;
    const pages = 2 ** (this.format.levelShift(level) - 12);
    if (level > 1 && choice % 4 !== 0) {
      const table = this.#nextTable;
      this.#nextTable += PAGE_SIZE;
      this.memory.write(address, table | 0x63, 0);
      this.#fill(table, level - 1);
    } else if (choice % 3 === 0 || level === 4) {
      this.#put({ kind: 'hole', level, frame: 0, flags: 0 }, pages);
    } else {
      const jump = choice % 5 === 0 ? pages : 0;
      const frame = Math.ceil(this.#nextFrame / pages) * pages + jump;
      this.#nextFrame = frame + pages;
      const present = choice % 7 !== 0;
      const flags =
        (present ? _PAGE_PRESENT : 0) | 0x20 | (choice & _PAGE_RW) | (level > 1 && present ? _PAGE_PSE : 0);
      const low = (present ? frame : ~frame) << 12;
      this.memory.write(address, low | flags, present ? 0 : 0xf_ffff);
      this.#put({ kind: present ? 'leaf' : 'not-present', level, frame, flags }, pages);
    }
  }

  #put(first: PutPage, pages: number): void {
    const isHole = first.kind === 'hole';
    for (let page = 0; page < pages; page++)
      this.pages.push({ ...first, frame: isHole ? 0 : first.frame + page });
  }
}

const tape = fc.array(fc.nat(1000), { maxLength: 200 });
const tables = fc.record({ indexBits: fc.constantFrom(1, 2), tape }).map((made) => {
  return new RandomTables(made.indexBits, made.tape);
});

/** Runs taken apart into pages again, in order. A hole's pages lose their level, of which a run has the first only. */
function pagesOf(found: readonly Run[]): PutPage[] {
  return found.flatMap(({ kind, level, frame, flags, pages }) =>
    Array.from({ length: pages }, (_, page) =>
      kind === 'hole' ? { kind, level: 0, frame, flags } : { kind, level, frame: frame + page, flags },
    ),
  );
}

/** Whether two runs, one right behind the other, should have been one. The law of merging, said once more. */
function couldMerge(a: Run, b: Run): boolean {
  if (a.kind !== b.kind) return false;
  if (a.kind === 'hole') return true;
  if (a.kind === 'missing') return a.table === b.table;
  const framesFollow = a.kind === 'bad' || a.frame + a.pages === b.frame;
  return a.level === b.level && a.flags === b.flags && a.why === b.why && framesFollow;
}

/** A small machine with a lower and an upper half all the same. */
class TwoHalves extends X86Format {
  override readonly signExtended = true;
}

/** What a root of so many pages maps, in ascending order of the 64-bit address. */
function windowsOf(format: EntryFormat, pages: number): { start: VirtualAddress; pages: number }[] {
  if (!format.signExtended) return [{ start: 0, pages }];
  return [
    { start: 0, pages: pages / 2 },
    { start: (-pages / 2) * PAGE_SIZE, pages: pages / 2 },
  ];
}

/** That runs ascend, touch within each canonical half, are maximal, and cover the halves and no more. */
function expectExactCover(
  found: readonly Run[],
  halves: readonly { start: VirtualAddress; pages: number }[],
): void {
  const wrong: string[] = [];
  let next = 0;
  for (const { start, pages } of halves) {
    let previous: Run | undefined;
    let left = pages;
    while (left > 0 && next < found.length) {
      const run = found[next++]!;
      if (run.address !== start + (pages - left) * PAGE_SIZE)
        wrong.push(`${next}: not where the last one ends`);
      if (run.pages <= 0 || run.count <= 0) wrong.push(`${next}: empty`);
      if (previous !== undefined && couldMerge(previous, run)) wrong.push(`${next}: continues the last one`);
      left -= run.pages;
      previous = run;
    }
    if (left !== 0) wrong.push(`${left} pages too few or too many`);
  }
  if (next !== found.length) wrong.push('runs out of range');
  expect(wrong).toEqual([]);
}

describe('properties', () => {
  test('a walk gives back what was put into the tables', () => {
    fc.assert(
      fc.property(tables, ({ memory, format, root, pages }) => {
        const found = runs(memory, {}, format, root);
        const put = pages.map((page) => (page.kind === 'hole' ? { ...page, level: 0 } : page));
        expect(pagesOf(found)).toEqual(put);
        expectExactCover(found, windowsOf(format, pages.length));
      }),
    );
  });

  test('a walk of a range gives what the whole walk gives there', () => {
    fc.assert(
      fc.property(tables, fc.nat(), fc.nat(), ({ memory, format, root, pages }, a, b) => {
        const half = pages.length / 2;
        const start = Math.min(a % half, b % half);
        const end = Math.max(a % half, b % half) + 1;
        for (const base of [0, -half]) {
          const range = { start: (base + start) * PAGE_SIZE, end: (base + end) * PAGE_SIZE };
          const found = runs(memory, { range }, format, root);
          const first = base === 0 ? 0 : half;
          expect(pagesOf(found)).toEqual(
            pagesOf(runs(memory, {}, format, root)).slice(first + start, first + end),
          );
          expectExactCover(found, [{ start: range.start, pages: end - start }]);
        }
      }),
    );
  });

  test('the chain of each address ends at the entry of its page', () => {
    fc.assert(
      fc.property(tables, ({ memory, format, root, pages }) => {
        const half = pages.length / 2;
        for (const [page, put] of pages.entries()) {
          const address = (page < half ? page : page - 2 * half) * PAGE_SIZE;
          const chain = walkAddress(memory, format, root, address);
          const last = chain.at(-1)!;
          expect(chain).toHaveLength(format.levels - put.level + 1);
          expect([last.kind, last.level]).toEqual([put.kind, put.level]);
          expect(last.low).toBe(memory.low(last.entryAddress));
          if (put.kind === 'hole') continue;
          const within = page % 2 ** (format.levelShift(put.level) - 12);
          expect(format.leafFrame(last.level, last.low, last.high) + within).toBe(put.frame);
        }
      }),
      { numRuns: 30 },
    );
  });

  test('a walk of garbage ends, does not throw, and covers all', () => {
    const garbage = fc.record({
      seed: fc.integer(),
      indexBits: fc.constantFrom(1, 2, 9),
      levels: fc.constantFrom(4, 5),
      halves: fc.boolean(),
      frames: fc.constantFrom(2, 50, 2 ** 40),
      absent: fc.constantFrom(0, 3),
      maxTables: fc.integer({ min: 1, max: 60 }),
    });
    const seen = new Set<string>();
    fc.assert(
      fc.property(garbage, ({ seed, indexBits, levels, halves, frames, absent, maxTables }) => {
        const geometry = { levels: levels as 4 | 5, indexBits, encryptionBit: undefined };
        const format = halves ? new TwoHalves(geometry) : new X86Format(geometry);
        const source = new Garbage(seed, frames, absent);
        let entered = 0;
        const found = runs(source, { maxTables, onTable: () => entered++ }, format, 0);
        expect(entered).toBeLessThanOrEqual(maxTables);
        expectExactCover(found, windowsOf(format, 2 ** (levels * indexBits)));
        for (const run of found) seen.add(run.why ?? run.kind);
      }),
    );
    expect([...seen].sort()).toEqual(
      ['cycle', 'hole', 'leaf', 'not-present', 'reserved bits', 'too many tables', 'unreadable table'].sort(),
    );
  });
});

/** Pages of random words, the same for the same seed. Frames in them are below `frames`, one page in `absent` lacks. */
class Garbage implements PageSource {
  readonly #seed: number;
  readonly #frames: number;
  readonly #absent: number;

  constructor(seed: number, frames: number, absent: number) {
    this.#seed = seed;
    this.#frames = frames;
    this.#absent = absent;
  }

  readPage(pfn: number): Uint32Array | undefined {
    let state = (this.#seed ^ Math.imul(pfn + 1, 0x9e37_79b1)) >>> 0;
    const random = () => {
      state = (Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) + 0x6d2b_79f5) >>> 0;
      return (state ^ (state >>> 13)) >>> 0;
    };
    if (pfn !== 0 && this.#absent !== 0 && random() % this.#absent === 0) return undefined;
    const words = new Uint32Array(2 * WORDS_PER_PAGE);
    for (let word = 0; word < WORDS_PER_PAGE; word++) {
      const kind = random() % 4;
      if (kind === 0) continue;
      const frame = this.#frames === 2 ** 40 ? random() * 256 + (random() & 0xff) : random() % this.#frames;
      words[2 * word] = ((frame % 2 ** 20) << 12) | (random() & (kind === 1 ? 0xfff : 0x063));
      words[2 * word + 1] = Math.floor(frame / 2 ** 20) | (random() & 0x8000_0000);
    }
    return words;
  }
}
