/** Walks in which a table is walked once, however many entries name it. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PageSource } from '../../src/memory/physical_memory.ts';
import { SimulatedMemory } from '../../src/memory/simulated_memory.ts';
import { type EntryFormat, EntryKind, Restriction } from '../../src/mmu/format.ts';
import { Riscv64Format } from '../../src/mmu/riscv64.ts';
import { type Run, type WalkOptions, walk } from '../../src/mmu/walk.ts';
import { X86Format } from '../../src/mmu/x86_64.ts';

const PAGE = 4096;
const ROOT = 0;
const LEVELS = 4;
const INDEX_BITS = 2;
const ENTRIES = 2 ** INDEX_BITS;

/** Four levels of four entries: bits 0..2 are the kind, 3..5 what a table takes away, 12.. the frame. */
class Tiny implements EntryFormat {
  readonly name = 'tiny';
  readonly levels = LEVELS;
  readonly pageShift = 12;
  readonly signExtended = false;
  readonly usualMemoryType = '';
  readonly bigEndianTables = false;

  indexBits(): number {
    return INDEX_BITS;
  }
  levelShift(level: number): number {
    return 12 + INDEX_BITS * (level - 1);
  }
  levelName(): string {
    return '';
  }
  kind(level: number, low: number): EntryKind {
    const kind = (low & 7) as EntryKind;
    return kind === EntryKind.Table && level === 1 ? EntryKind.Leaf : kind;
  }
  tableAddress(_level: number, low: number): number {
    return low - (low & 0xfff);
  }
  leafFrame(_level: number, low: number): number {
    return low >>> 12;
  }
  flags(): number {
    return 0;
  }
  attributes(): bigint {
    return 0n;
  }
  restrictions(_level: number, low: number): number {
    return (low >>> 3) & 7;
  }
  describe(): readonly string[] {
    return [];
  }
  writable(): boolean {
    return true;
  }
  executable(): boolean {
    return true;
  }
  user(): boolean {
    return true;
  }
  memoryType(): string {
    return '';
  }
  mergeable(): number {
    return 0;
  }
}

const tiny = new Tiny();

/** What a page is said to be. */
interface Page {
  kind: Run['kind'];
  frame: number;
  inherited: number;
}

/** Tables that name one another at random, at seven addresses; the last is not in the source. */
const forest = fc
  .array(
    fc.record({
      kind: fc.constantFrom(0, 0, 1, 1, 1, 2, 3, 4),
      takes: fc.constantFrom(0, 0, 0, Restriction.NoWrite, Restriction.NoExecute),
      frame: fc.nat(6),
    }),
    { minLength: 6 * ENTRIES, maxLength: 6 * ENTRIES },
  )
  .map((entries): PageSource => {
    const memory = new SimulatedMemory();
    for (const [index, { kind, takes, frame }] of entries.entries()) {
      const address = Math.floor(index / ENTRIES) * PAGE + (index % ENTRIES) * 8;
      memory.write(address, kind === 0 ? 0 : (frame * PAGE) | (takes << 3) | kind, 0);
    }
    return { readPage: (pfn) => (pfn === 6 ? undefined : memory.readPage(pfn)) };
  });

function pagesOf(runs: Iterable<Run>): Page[] {
  return [...runs].flatMap(({ kind, frame, inherited, pages }) =>
    Array.from({ length: pages }, (_, page) => pageOf(kind, frame + page, inherited)),
  );
}

/** Only of a leaf a frame is told, and what tables take from it. */
function pageOf(kind: Run['kind'], frame: number, inherited: number): Page {
  return kind === 'leaf' || kind === 'not-present'
    ? { kind, frame, inherited }
    : { kind, frame: 0, inherited: 0 };
}

const KINDS = ['hole', 'shared', 'leaf', 'not-present', 'bad'] as const;

/** The law from the definition: a table is known by its level, its address and what is taken from it on the way. */
class OnceByHand {
  readonly #source: PageSource;
  readonly #found = new Map<string, number>();
  #count = 0;
  readonly pages: Page[] = [];

  constructor(source: PageSource) {
    this.#source = source;
    this.#table(LEVELS, ROOT, 0, []);
  }

  #table(level: number, table: number, inherited: number, above: readonly number[]): void {
    const before = this.#count;
    const words = this.#source.readPage(table / PAGE);
    for (let index = 0; index < ENTRIES; index++) {
      if (words === undefined) this.#put('missing', level);
      else this.#entry(level, words[2 * index]!, inherited, [...above, table]);
    }
    this.#found.set(`${level} ${table} ${inherited}`, this.#count - before);
  }

  #entry(level: number, low: number, inherited: number, tables: readonly number[]): void {
    const kind = tiny.kind(level, low);
    if (kind !== EntryKind.Table) {
      this.#put(KINDS[kind], level, low >>> 12, inherited);
      return;
    }
    const table = tiny.tableAddress(level, low);
    const taken = inherited | tiny.restrictions(level, low);
    const found = this.#found.get(`${level - 1} ${table} ${taken}`);
    if (found !== undefined) this.#put(found === 0 ? 'hole' : 'shared', level);
    else if (tables.includes(table)) this.#put('bad', level);
    else this.#table(level - 1, table, taken, tables);
  }

  #put(kind: Run['kind'], level: number, frame = 0, inherited = 0): void {
    if (kind !== 'hole') this.#count++;
    const pages = ENTRIES ** (level - 1);
    for (let page = 0; page < pages; page++) this.pages.push(pageOf(kind, frame + page, inherited));
  }
}

describe('a table that several entries name', () => {
  test('is walked once for each way to reach it, and what is not shared is as in a whole walk', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(forest, (source) => {
        const once = pagesOf(walk(source, tiny, ROOT, { sharedOnce: true }));
        const whole = pagesOf(walk(source, tiny, ROOT));
        expect(once).toHaveLength(ENTRIES ** LEVELS);
        expect(once).toEqual(new OnceByHand(source).pages);
        for (const [page, { kind }] of once.entries()) {
          seen.add(kind);
          if (kind === 'shared' || kind === 'bad') continue;
          // A shared table in which a cycle was met has its bad entries elsewhere.
          if (whole[page]!.kind !== 'bad') expect(once[page]).toEqual(whole[page]);
        }
      }),
      { numRuns: 300 },
    );
    expect([...seen].sort()).toEqual(['bad', 'hole', 'leaf', 'missing', 'not-present', 'shared']);
  });

  test('is walked as a whole walk does in the part of it that a range cuts', () => {
    fc.assert(
      fc.property(forest, fc.nat(255), fc.nat(255), (source, a, b) => {
        const range = { start: Math.min(a, b) * PAGE, end: (Math.max(a, b) + 1) * PAGE };
        const found = pagesOf(walk(source, tiny, ROOT, { sharedOnce: true, range }));
        const whole = pagesOf(walk(source, tiny, ROOT, { range }));
        expect(found).toHaveLength(Math.max(a, b) + 1 - Math.min(a, b));
        const known = (page: Page, index: number) => page.kind !== 'shared' && whole[index]!.kind !== 'bad';
        expect(found.filter(known)).toEqual(
          whole.filter((page, index) => known(found[index]!, index) && page.kind !== 'bad'),
        );
      }),
    );
  });

  test('of which a range has seen a part only is walked again', () => {
    const memory = new SimulatedMemory();
    memory.write(ROOT, 0x1000 | EntryKind.Table, 0);
    memory.write(ROOT + 8, 0x1000 | EntryKind.Table, 0);
    memory.write(0x1000, 0x5000 | EntryKind.Leaf, 0);
    // The first use is cut so that nothing is seen in it.
    const range = { start: 16 * PAGE, end: 128 * PAGE };
    const found = [...walk(memory, tiny, ROOT, { sharedOnce: true, range })];
    expect(found.map(({ kind, address }) => [kind, address / PAGE])).toEqual([
      ['hole', 16],
      ['leaf', 64],
      ['hole', 80],
    ]);
  });

  test('in which nothing is, is a hole each time', () => {
    const memory = new SimulatedMemory();
    for (let index = 0; index < ENTRIES; index++) memory.write(ROOT + index * 8, 0x1000 | EntryKind.Table, 0);
    const kinds = (options: WalkOptions) => [...walk(memory, tiny, ROOT, options)].map(({ kind }) => kind);
    expect(kinds({ sharedOnce: true })).toEqual(['hole']);
    let tables = 0;
    for (const _ of walk(memory, tiny, ROOT, { sharedOnce: true, onTable: () => tables++ }));
    expect(tables).toBe(2);
  });

  test('reached under other restrictions is another, whose leaves are told with them', () => {
    const memory = new SimulatedMemory();
    const entries = [0, Restriction.NoWrite, 0, Restriction.NoWrite];
    for (const [index, takes] of entries.entries()) {
      memory.write(ROOT + index * 8, 0x1000 | (takes << 3) | EntryKind.Table, 0);
    }
    for (let index = 0; index < ENTRIES; index++)
      memory.write(0x1000 + index * 8, 0x5000 | EntryKind.Leaf, 0);
    const found = [...walk(memory, tiny, ROOT, { sharedOnce: true })];
    expect(new Set(found.map(({ kind, inherited }) => `${kind} ${inherited}`))).toEqual(
      new Set(['leaf 0', `leaf ${Restriction.NoWrite}`, 'shared 0']),
    );
  });
});

describe('tables made to be walked for ever', () => {
  /** Each table names the next in all of its entries, as those of KASAN's shadow do; the last maps one page. */
  function nest(levels: number): SimulatedMemory {
    const memory = new SimulatedMemory();
    for (let depth = 0; depth < levels; depth++) {
      const isLast = depth === levels - 1;
      for (let index = 0; index < 512; index++) {
        memory.write(0x1000 * (depth + 1) + index * 8, isLast ? 0x10_0063 : 0x1000 * (depth + 2) + 0x63, 0);
      }
    }
    return memory;
  }

  test.each([4, 5] as const)('end in milliseconds: a nest of %i levels', (levels) => {
    const format = new X86Format({ levels, indexBits: 9, encryptionBit: undefined });
    let tables = 0;
    const start = performance.now();
    const found = [...walk(nest(levels), format, 0x1000, { sharedOnce: true, onTable: () => tables++ })];
    expect(performance.now() - start).toBeLessThan(500);
    // The root is in both halves, whose tables are walked once in all.
    expect(tables).toBe(levels);
    expect(found.filter(({ kind }) => kind === 'leaf')).toHaveLength(512);
    const pages = found.reduce((sum, run) => sum + run.pages, 0);
    expect(pages).toBe(512 ** levels);
  });

  test('and a range that cuts each level of the nest costs one more table at each', () => {
    const format = new X86Format({ levels: 5, indexBits: 9, encryptionBit: undefined });
    let tables = 0;
    const range = { start: PAGE, end: 2 ** 56 - PAGE };
    const found = [...walk(nest(5), format, 0x1000, { sharedOnce: true, range, onTable: () => tables++ })];
    expect(tables).toBeLessThanOrEqual(3 * 5);
    expect(found.reduce((sum, run) => sum + run.pages, 0)).toBe(2 ** 44 - 2);
  });
});

test('tables at addresses beyond 2^53 are not taken for one another', () => {
  // Physical addresses of riscv64 have 56 bits. Level and address together have more than a number holds exactly.
  const format = new Riscv64Format({ levels: 4 });
  const memory = new SimulatedMemory();
  const name = (address: number, frame: bigint) => {
    const entry = (frame << 10n) | 1n;
    memory.write(address, Number(entry & 0xffff_ffffn), Number(entry >> 32n));
  };
  const far = 2n ** 44n - 1n;
  name(0x1000, far); // level 3, not in the source
  name(0x1008, 2n);
  name(0x2000, far); // the same at level 2
  const source: PageSource = { readPage: (pfn) => (pfn < 16 ? memory.readPage(pfn) : undefined) };
  const range = { start: 0, end: 2 ** 40 };
  const found = [...walk(source, format, 0x1000, { sharedOnce: true, range })];
  expect(found.filter(({ kind }) => kind !== 'hole')).toMatchObject([
    { kind: 'missing', level: 3, address: 0, count: 512 },
    { kind: 'missing', level: 2, address: 2 ** 39, count: 512 },
  ]);
});
