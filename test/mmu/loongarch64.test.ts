import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EntryKind } from '../../src/mmu/format.ts';
import {
  _PAGE_DIRTY,
  _PAGE_GLOBAL,
  _PAGE_HGLOBAL,
  _PAGE_HUGE,
  _PAGE_NO_EXEC,
  _PAGE_RPLV,
  _PAGE_VALID,
  _PAGE_WRITE,
  Loongarch64Format,
} from '../../src/mmu/loongarch64.ts';
import { walkAddress } from '../../src/mmu/walk.ts';
import { countCore, readCore, readDescription, tablesOf } from '../support/real_core.ts';
import { halvesOf, sparseWords } from '../support/sparse_words.ts';

const [PTE, PMD] = [1, 2] as const;
const usual = new Loongarch64Format();
const GEOMETRIES = [
  { pageShift: 14, levels: 3 },
  { pageShift: 12, levels: 4 },
  { pageShift: 12, levels: 3 },
  { pageShift: 16, levels: 2 },
  { pageShift: 16, levels: 3 },
] as const;

/** Entries that real kernels wrote, with what they stand for. */
const KNOWN: [entry: bigint, level: number, kind: EntryKind, place: number, names: string][] = [
  [0x740_01d3n, PTE, EntryKind.Leaf, 0x1d00, 'V D CC G P W'],
  [0x740_00d1n, PTE, EntryKind.Leaf, 0x1d00, 'V CC G P'],
  [0x4000_0000_0740_41d3n, PTE, EntryKind.Leaf, 0x1d01, 'V D CC G P W NX'],
  [0x4000_0000_1000_01c3n, PTE, EntryKind.Leaf, 0x4000, 'V D G P W NX'],
  [0xec00_11d3n, PMD, EntryKind.Leaf, 0x3_b000, 'V D CC H P W HG'],
  [0x40n, PTE, EntryKind.None, 0, 'G'],
  [0x9000_0000_01b2_0000n, PMD, EntryKind.Table, 0x1b2_0000, 'DMW=9'],
];

test.each(KNOWN)('0x%x at level %i reads as it was meant', (entry, level, kind, place, names) => {
  const [low, high] = halvesOf(entry);
  expect(usual.kind(level, low, high)).toBe(kind);
  expect(usual.describe(level, low, high).join(' ')).toBe(names);
  if (kind === EntryKind.Table) expect(usual.tableAddress(level, low, high)).toBe(place);
  else expect(usual.leafFrame(level, low, high)).toBe(place);
});

describe('leaves', () => {
  const leaf = fc.record({
    geometry: fc.constantFrom(...GEOMETRIES),
    level: fc.constantFrom(1, 2, 3),
    bits: fc.integer(),
    megabytes: fc.nat(2 ** 28 - 1),
    present: fc.boolean(),
  });

  test('what is put into an entry is what comes out, of all sizes, with pages of 4K, 16K and 64K', () => {
    fc.assert(
      fc.property(leaf, ({ geometry, level, bits, megabytes, present }) => {
        const format = new Loongarch64Format(geometry);
        const huge = level > 1;
        const below = huge ? 0x1fff : (1 << geometry.pageShift) - 1;
        const fixed = _PAGE_WRITE | (huge ? _PAGE_HUGE : 0) | (present ? _PAGE_VALID : 0);
        const flags = (bits & (below | 0xffff_0000) & ~_PAGE_VALID) | fixed;
        const size = 2 ** format.levelShift(level);
        const address = Math.floor((megabytes * 2 ** 20) / size) * size;
        const stored = (BigInt((flags & 0xffff_0000) >>> 0) << 32n) | BigInt(flags & 0xffff);
        const [low, high] = halvesOf(BigInt(address) | stored);

        expect(format.kind(level, low, high)).toBe(present ? EntryKind.Leaf : EntryKind.NotPresentLeaf);
        expect(format.leafFrame(level, low, high)).toBe(address / 2 ** geometry.pageShift);
        expect(format.flags(level, low, high)).toBe(flags);
        expect(format.attributes(level, low, high)).toBe(stored);
      }),
    );
  });

  test('a large leaf may set HG and no other bit between its flags and its size', () => {
    for (const geometry of GEOMETRIES) {
      const format = new Loongarch64Format(geometry);
      for (let bit = 12; bit < 48; bit++) {
        const [low, high] = halvesOf(0x1d3n | (1n << BigInt(bit)));
        const legal = bit === 12 || bit >= format.levelShift(2);
        expect(format.kind(2, low, high)).toBe(legal ? EntryKind.Leaf : EntryKind.Bad);
      }
    }
  });

  test('V alone makes a leaf present, whatever the kernel says with P', () => {
    expect(usual.kind(PTE, 0x740_0081, 0)).toBe(EntryKind.Leaf);
    expect(usual.kind(PTE, 0x740_0001, 0)).toBe(EntryKind.Leaf);
    expect(usual.kind(PTE, 0x740_0080, 0)).toBe(EntryKind.NotPresentLeaf);
    // As set_direct_map_invalid_noflush() leaves it.
    expect(usual.kind(PTE, 0x740_0152, 0)).toBe(EntryKind.NotPresentLeaf);
    expect(usual.leafFrame(PTE, 0x740_0152, 0)).toBe(0x1d00);
  });

  test('may be written if D or W says so, and executed by the kernel if NX and RPLV do not forbid', () => {
    expect([0, _PAGE_DIRTY, _PAGE_WRITE].map((flags) => usual.writable(PTE, flags))).toEqual([
      false,
      true,
      true,
    ]);
    const user = 3 << 2;
    const flags = [0, user, _PAGE_RPLV, _PAGE_RPLV | user, _PAGE_NO_EXEC];
    expect(flags.map((each) => usual.executable(PTE, each))).toEqual([true, true, true, false, false]);
    const levels = [0, 1, 2, 3].map((level) => level << 2);
    expect(levels.map((each) => usual.user(PTE, each))).toEqual([false, false, false, true]);
  });

  test('the memory type is the MAT field', () => {
    const types = [0x00, 0x10, 0x20, 0x30].map((field) => usual.memoryType(PTE, 0x1c3 | field));
    expect(types).toEqual(['SUC', 'CC', 'WUC', 'MAT3']);
  });

  test('leaves of all sizes that differ in nothing else are equal in what counts for merging', () => {
    const small = 0x193;
    expect(usual.mergeable(PTE, small | _PAGE_GLOBAL)).toBe(
      usual.mergeable(PMD, small | _PAGE_HUGE | _PAGE_HGLOBAL),
    );
    expect(usual.mergeable(PTE, small)).toBe(usual.mergeable(PMD, small | _PAGE_HUGE));
  });

  test('bits are named lowest first', () => {
    expect(usual.describe(PTE, 0x3fff, 0xffff_0000).join(' ')).toBe(
      'V D PLV3 MAT3 G P W M PROTNONE SPECIAL LOW=3000 SOFT=1fff NR NX RPLV',
    );
    expect(usual.describe(PMD, 0x1fff, 0x8000_0000).join(' ')).toBe(
      'V D PLV3 MAT3 H P W M PROTNONE SPECIAL HG RPLV',
    );
  });
});

describe('tables', () => {
  test('are named by an address in a window, or a physical one, that is a multiple of a page', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...GEOMETRIES),
        fc.constantFrom(0n, 8n, 9n, 0xan),
        fc.integer({ min: 1, max: 2 ** 31 }),
        (geometry, window, page) => {
          const format = new Loongarch64Format(geometry);
          const address = page * 2 ** geometry.pageShift;
          const [low, high] = halvesOf((window << 60n) | BigInt(address));
          for (let level = 2; level <= geometry.levels; level++) {
            expect(format.kind(level, low, high)).toBe(EntryKind.Table);
            expect(format.tableAddress(level, low, high)).toBe(address);
            expect(format.kind(level, low | 8, high)).toBe(EntryKind.Bad);
            expect(format.kind(level, low, high | 0x1_0000)).toBe(EntryKind.Bad);
          }
        },
      ),
    );
  });

  test('a walk goes down all four levels of pages of 4K', () => {
    const four = new Loongarch64Format({ pageShift: 12, levels: 4 });
    const window = 0x9000_0000_0000_0000n;
    const words = sparseWords(
      new Map([
        [0x1_0000 + 511 * 8, window | 0x2_0000n],
        [0x2_0000 + 511 * 8, window | 0x3_0000n],
        [0x3_0000 + 511 * 8, window | 0x4_0000n],
        [0x4_0000 + 511 * 8, 0x740_11d3n],
      ]),
      0n,
    );
    const steps = walkAddress(words, four, 0x1_0000, -4096);
    expect(steps.map(({ level, kind }) => `${four.levelName(level)} ${kind}`)).toEqual([
      'PGD table',
      'PUD table',
      'PMD table',
      'PTE leaf',
    ]);
    expect(four.leafFrame(PTE, steps[3]!.low, steps[3]!.high)).toBe(0x7401);
  });
});

test('the leaves of loong64-7.2 are those that were counted, and empty tables are walked once', () => {
  const description = readDescription('loong64-7.2');
  const words = tablesOf(readCore('loong64-7.2'), usual);
  const counted = countCore(words, usual, description, -(2 ** 47), { sharedOnce: true });
  const { 0: pageTables, 1: middleTables, ...above } = description.tables;
  expect(counted).toEqual({
    // Besides those counted, the one table of each level that stands for nothing.
    tables: { 0: pageTables! + 1, 1: middleTables! + 1, ...above },
    allLeaves: description.allLeaves,
    linearLeaves: {},
    invalidNonZero: description.invalidNonZero,
    broken: [],
    misplaced: [],
  });
});
