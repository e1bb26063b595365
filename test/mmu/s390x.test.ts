import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EntryKind, Restriction } from '../../src/mmu/format.ts';
import { _PAGE_NOEXEC, _PAGE_PROTECT, S390xFormat } from '../../src/mmu/s390x.ts';
import { walk, walkAddress } from '../../src/mmu/walk.ts';
import { countCore, readCore, readDescription, tablesOf } from '../support/real_core.ts';
import { halvesOf, sparseWords } from '../support/sparse_words.ts';

const [PTE, SEGMENT, REGION_THIRD] = [1, 2, 3] as const;
const s390 = new S390xFormat({ levels: 3 });

/** Entries that real kernels wrote, with what they stand for. */
const KNOWN: [entry: bigint, level: number, kind: EntryKind, frame: number, names: string][] = [
  [0x3dn, PTE, EntryKind.Leaf, 0, 'SOFT=3d'],
  [0x330_313dn, PTE, EntryKind.Leaf, 0x3303, 'SOFT=3d NX'],
  [0x8f_d21dn, PTE, EntryKind.Leaf, 0x8fd, 'SOFT=1d RO'],
  [0x2a0_831dn, PTE, EntryKind.Leaf, 0x2a08, 'SOFT=1d NX RO'],
  // After set_direct_map_invalid_noflush().
  [0x330_353dn, PTE, EntryKind.NotPresentLeaf, 0x3303, 'SOFT=3d NX I'],
  [0x53dn, PTE, EntryKind.NotPresentLeaf, 0, 'SOFT=3d NX I'],
  // In the core of v6.12, once.
  [0xffff_ffff_ffff_ffffn, PTE, EntryKind.NotPresentLeaf, 0xff_ffff_ffff, 'SOFT=ff NX RO I ZERO'],
  // The same access in v6.12 and in v7.2, which moved its own bits.
  [0x2c0_3503n, SEGMENT, EntryKind.Leaf, 0x2c00, 'SOFT=3003 NX FC'],
  [0x330_f501n, SEGMENT, EntryKind.Leaf, 0x3300, 'SOFT=f001 NX FC'],
  // v7.2, whole segments read-only.
  [0x3a0_7701n, SEGMENT, EntryKind.Leaf, 0x3a00, 'SOFT=7001 NX RO FC'],
  [0xa0_7601n, SEGMENT, EntryKind.Leaf, 0xa00, 'SOFT=7001 RO FC'],
  [0x36e_3001n, SEGMENT, EntryKind.Table, 0x36e_3000, 'SOFT=1'],
  [0x23d_1800n, SEGMENT, EntryKind.Table, 0x23d_1800, ''],
];

test.each(KNOWN)('0x%x at level %i reads as it was meant', (entry, level, kind, place, names) => {
  const [low, high] = halvesOf(entry);
  expect(s390.kind(level, low, high)).toBe(kind);
  expect(s390.describe(level, low, high).join(' ')).toBe(names);
  if (kind === EntryKind.Table) expect(s390.tableAddress(level, low, high)).toBe(place);
  else expect(s390.leafFrame(level, low, high)).toBe(place);
});

describe('what is nothing', () => {
  test('an entry is empty by its exact value, which names the table that it is in', () => {
    const five = new S390xFormat({ levels: 5 });
    const empty = [1, 2, 3, 4, 5].map((level) => five.emptyEntry(level));
    expect(empty).toEqual([0x400, 0x20, 0x24, 0x28, 0x2c]);
    for (const [below, low] of empty.entries()) {
      expect(five.kind(below + 1, low, 0)).toBe(EntryKind.None);
      expect(five.kind(below + 1, low, 1)).not.toBe(EntryKind.None);
    }
  });

  test('an entry of zeros is valid: frame 0, or a table at 0, but of no type that a region table has', () => {
    expect(s390.kind(PTE, 0, 0)).toBe(EntryKind.Leaf);
    expect(s390.leafFrame(PTE, 0, 0)).toBe(0);
    expect(s390.kind(SEGMENT, 0, 0)).toBe(EntryKind.Table);
    for (const level of [3, 4, 5]) expect(s390.kind(level, 0, 0)).toBe(EntryKind.Bad);
  });

  test('an invalid entry above the PTEs is a leaf that is not used if it has FC, and bad if not', () => {
    expect(s390.kind(SEGMENT, 0x3a0_f521, 0)).toBe(EntryKind.NotPresentLeaf);
    expect(s390.leafFrame(SEGMENT, 0x3a0_f521, 0)).toBe(0x3a00);
    expect(s390.kind(REGION_THIRD, 0x8000_f525, 0)).toBe(EntryKind.NotPresentLeaf);
    expect(s390.kind(SEGMENT, 0x36e_3021, 0)).toBe(EntryKind.Bad);
    expect(s390.kind(REGION_THIRD, 0x36e_3027, 0)).toBe(EntryKind.Bad);
  });
});

describe('leaves', () => {
  /** Bits that a leaf of the level must have or must not have; the rest of those below its frame are free. */
  const FIXED = [
    { level: PTE, below: 12, set: 0, clear: 0xc00, invalid: 0x400 },
    { level: SEGMENT, below: 20, set: 0x400, clear: 0x2c, invalid: 0x20 },
    { level: REGION_THIRD, below: 31, set: 0x404, clear: 0x28, invalid: 0x20 },
  ];
  const leaf = fc.record({
    fixed: fc.constantFrom(...FIXED),
    bits: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    frame: fc.nat(2 ** 31 - 1).map((half) => half * 2 ** 9),
    present: fc.boolean(),
    levels: fc.constantFrom(2 as const, 3 as const, 4 as const, 5 as const),
  });

  test('what is put into an entry is what comes out, of 4K, 1M and 2G', () => {
    fc.assert(
      fc.property(leaf, ({ fixed, bits, frame, present, levels }) => {
        const { level, below, set, clear, invalid } = fixed;
        const format = new S390xFormat({ levels });
        const kept = below === 31 ? bits : bits & ((1 << below) - 1);
        const flags = (kept & ~clear) | set | (present ? 0 : invalid);
        const pages = 2 ** (below - 12);
        const aligned = Math.floor(frame / pages) * pages;
        const [low, high] = halvesOf((BigInt(aligned) << 12n) | BigInt(flags));

        if (low === format.emptyEntry(level) && high === 0) return;
        expect(format.kind(level, low, high)).toBe(present ? EntryKind.Leaf : EntryKind.NotPresentLeaf);
        expect(format.levelShift(level)).toBe(below);
        expect(format.leafFrame(level, low, high)).toBe(aligned);
        expect(format.flags(level, low, high)).toBe(flags);
        expect(format.attributes(level, low, high)).toBe(BigInt(flags));
        expect(format.writable(level, flags)).toBe((bits & _PAGE_PROTECT) === 0);
        expect(format.executable(level, flags)).toBe((bits & _PAGE_NOEXEC) === 0);
        expect(format.mergeable(level, flags)).toBe(bits & (_PAGE_PROTECT | _PAGE_NOEXEC));
      }),
    );
  });

  test('none is larger than 2G, and none is in a table of another type', () => {
    expect(s390.kind(4, 0x407 | (2 << 2), 0)).toBe(EntryKind.Bad);
    expect(s390.kind(5, 0x407 | (3 << 2), 0)).toBe(EntryKind.Bad);
    expect(s390.kind(SEGMENT, 0x404, 0)).toBe(EntryKind.Bad);
    expect(s390.describe(SEGMENT, 0x404, 0)).toEqual(['TT=1', 'FC']);
    expect(s390.kind(REGION_THIRD, 0x400, 0)).toBe(EntryKind.Bad);
  });

  test('bit 52, counted from the left, must be zero in a valid PTE', () => {
    expect(s390.kind(PTE, 0x93d, 0)).toBe(EntryKind.Bad);
  });

  test('an address of more than 52 bits is no address', () => {
    for (const level of [PTE, SEGMENT])
      expect(s390.kind(level, 0x400 * (level - 1), 1 << 20)).toBe(EntryKind.Bad);
  });

  test('a storage key is one only with AV', () => {
    expect(s390.describe(SEGMENT, 0xf400, 0)).toEqual(['SOFT=f000', 'FC']);
    expect(s390.describe(SEGMENT, 0x1_f400, 0)).toEqual(['KEY=1e', 'FC', 'AV']);
  });
});

describe('tables', () => {
  const table = fc.record({ level: fc.constantFrom(2, 3, 4, 5), address: fc.nat(2 ** 31 - 1) });

  test('a table is found where it is, and its type must be that of the level', () => {
    fc.assert(
      fc.property(table, fc.nat(3), ({ level, address }, type) => {
        const at = address * (level === SEGMENT ? 2048 : 4096);
        const [low, high] = halvesOf(BigInt(at) | BigInt(type << 2) | (level === SEGMENT ? 0n : 3n));
        const fits = type === level - 2;
        expect(s390.kind(level, low, high)).toBe(fits ? EntryKind.Table : EntryKind.Bad);
        expect(s390.tableAddress(level, low, high)).toBe(at);
      }),
    );
  });

  test('a table of less than four quarters is not entered', () => {
    for (let part = 0; part < 16; part++) {
      const low = 0x36e_3004 | (part & 3) | ((part >> 2) << 6);
      expect(s390.kind(REGION_THIRD, low, 0)).toBe(part === 3 ? EntryKind.Table : EntryKind.Bad);
    }
    expect(s390.describe(REGION_THIRD, 0x36e_3007, 0)).toEqual([]);
    expect(s390.describe(REGION_THIRD, 0x36e_3045, 0)).toEqual(['TL=1', 'TF=1']);
  });

  test('protection of a table holds for all that is below it', () => {
    expect(s390.restrictions(SEGMENT, 0x36e_3201, 0)).toBe(Restriction.NoWrite);
    expect(s390.restrictions(REGION_THIRD, 0x36e_3107, 0)).toBe(0);
  });

  test('a walk goes down all five levels of 64 bits of address, to a leaf of 2G', () => {
    const five = new S390xFormat({ levels: 5 });
    const [root, second, third] = [0x10_0000, 0x20_0000, 0x30_0000];
    const words = sparseWords(
      new Map([
        [root + 2047 * 8, BigInt(second) | 0xfn],
        [second + 8, BigInt(third) | 0xbn],
        [third + 2 * 8, 0x1_8000_f505n],
      ]),
      0x20n,
    );
    const address = -(2 ** 53) + 2 ** 42 + 2 * 2 ** 31;
    const steps = walkAddress(words, five, root, address + 0x1234_5000);
    expect(steps.map(({ level, kind }) => `${level} ${kind}`)).toEqual(['5 table', '4 table', '3 leaf']);

    const range = { start: address, end: address + 2 ** 31 };
    const [run] = [...walk(words, five, root, { range })];
    expect(run).toMatchObject({ kind: 'leaf', level: 3, address, pages: 2 ** 19, frame: 0x18_0000 });
  });
});

test('each level is called as the manuals call its table', () => {
  const five = new S390xFormat({ levels: 5 });
  const names = ['PTE', 'segment', 'region-third', 'region-second', 'region-first'];
  expect([1, 2, 3, 4, 5].map((level) => five.levelName(level))).toEqual(names);
});

test.each(['s390x-6.1-edat', 's390x-6.12-edat', 's390x-7.2-edat'])(
  'the tables and leaves of %s are those that were counted',
  (name) => {
    const description = readDescription(name);
    const words = tablesOf(readCore(name), s390);
    const counted = countCore(words, s390, description, 0);
    expect(counted).toEqual({
      tables: description.tables,
      allLeaves: description.allLeaves,
      linearLeaves: description.linearLeaves,
      invalidNonZero: description.invalidNonZero,
      broken: [],
      misplaced: [],
    });
  },
);
