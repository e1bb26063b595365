import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeEntry, levelSizeName } from '../../src/mmu/describe.ts';
import { EntryKind } from '../../src/mmu/format.ts';
import {
  _PAGE_EXEC,
  _PAGE_LEAF,
  _PAGE_NAPOT,
  _PAGE_PRESENT,
  _PAGE_READ,
  _PAGE_USER,
  _PAGE_WRITE,
  Riscv64Format,
} from '../../src/mmu/riscv64.ts';
import { walk } from '../../src/mmu/walk.ts';
import { countCore, readCore, readDescription, tablesOf } from '../support/real_core.ts';

const { None, Table, Leaf, NotPresentLeaf, Bad } = EntryKind;

const sv39 = new Riscv64Format({ levels: 3 });
const sv57 = new Riscv64Format({ levels: 5 });

/** The halves of a 64-bit entry. */
function halves(entry: bigint): [low: number, high: number] {
  return [Number(entry & 0xffff_ffffn), Number(entry >> 32n)];
}

function encode(frame: bigint, flags: number) {
  return halves((frame << 10n) | BigInt(flags & 0x3ff) | (BigInt((flags & 0xffc0_0000) >>> 0) << 32n));
}

describe.each([
  ['riscv64-5.10-tiny', ['', '.end']],
  ['riscv64-6.12', ['', '.end']],
  ['riscv64-6.12-6g', ['', '.end']],
  ['riscv64-7.2', ['', '.end']],
  ['riscv64-7.2-sv39', ['']],
] as const)('the tables of %s', (name, cores) => {
  const description = readDescription(name);
  const format = new Riscv64Format({ levels: description.levels as 3 | 5 });

  const count = (suffix: '' | '.end') =>
    countCore(
      tablesOf(readCore(name, suffix), format),
      format,
      description,
      -(2 ** (description.va_bits - 1)),
    );

  test('are those that were counted on the machine', () => {
    const { broken, misplaced, ...counted } = count('');
    const { tables, allLeaves, linearLeaves, invalidNonZero } = description;
    expect(format.name).toBe(`riscv64, Sv${description.va_bits}`);
    expect(counted).toEqual({ tables, allLeaves, linearLeaves, invalidNonZero });
    expect(broken).toEqual([]);
  });

  test.each(cores)('have every linear frame where the linear map has it (core%s)', (suffix) => {
    const { broken, misplaced, linearLeaves } = count(suffix);
    expect(Object.keys(linearLeaves).length).toBeGreaterThan(0);
    expect([...broken, ...misplaced]).toEqual([]);
  });
});

/** Entries that kernels wrote, with what they stand for. */
const KNOWN: [entry: bigint, level: number, kind: EntryKind, frame: number, text: string][] = [
  [0x2100_00e7n, 1, Leaf, 0x84000, 'V R W G A D'],
  [0x20c0_00e7n, 2, Leaf, 0x83000, 'V R W G A D'],
  [0x2060_00cfn, 2, Leaf, 0x81800, 'V R W X A D'],
  [0x2000_00e3n, 3, Leaf, 0x80000, 'V R G A D'],
  [0x20e3_0001n, 2, Table, 0x838c0, 'V'],
  // After set_direct_map_invalid_noflush() of a page, and of a whole leaf of 2M.
  [0x2100_14e6n, 1, NotPresentLeaf, 0x84005, '- R W G A D'],
  [0x2120_00e6n, 2, NotPresentLeaf, 0x84800, '- R W G A D'],
  // Memory types, of Svpbmt and of T-Head.
  [0x2000_0000_2100_00e7n, 1, Leaf, 0x84000, 'V R W G A D NC'],
  [0x4000_0000_2100_00e7n, 1, Leaf, 0x84000, 'V R W G A D IO'],
  [0x7000_0000_2100_00e7n, 1, Leaf, 0x84000, 'V R W G A D THEAD-PMA'],
  [0x3000_0000_2100_00e7n, 1, Leaf, 0x84000, 'V R W G A D THEAD-NC'],
  [0x9000_0000_2100_00e7n, 2, Leaf, 0x84000, 'V R W G A D THEAD-IO'],
  [0x7000_0000_20e3_0001n, 2, Table, 0x838c0, 'V THEAD-PMA'],
  // One of the 16 entries of a mapping of 64K.
  [0x8000_0000_2100_60d7n, 1, Leaf, 0x84010, 'V R W U A D N'],
];

test.each(KNOWN)('0x%x at level %i reads as it was meant', (entry, level, kind, frame, text) => {
  const [low, high] = halves(entry);
  expect(sv39.kind(level, low, high)).toBe(kind);
  expect(describeEntry(sv39, level, low, high)).toBe(text);
  if (kind === Table) expect(sv39.tableAddress(level, low, high)).toBe(frame * 4096);
  else expect(sv39.leafFrame(level, low, high)).toBe(frame);
});

describe('leaves and tables', () => {
  const levels = fc.constantFrom(3 as const, 4 as const, 5 as const);
  const frame = fc.bigInt({ min: 0n, max: 2n ** 44n - 1n });

  test('what is put into a leaf is what comes out, at every level', () => {
    fc.assert(
      fc.property(
        levels,
        fc.nat(4),
        frame,
        fc.integer(),
        fc.boolean(),
        (count, above, first, bits, valid) => {
          const format = new Riscv64Format({ levels: count });
          const level = 1 + (above % count);
          const pages = 512n ** BigInt(level - 1);
          const aligned = (first / pages) * pages;
          // R always, and any of the others but V, the memory type and N.
          const flags = (bits & 0x03fc) | _PAGE_READ | (valid ? _PAGE_PRESENT : 0);
          const [low, high] = encode(aligned, flags);
          expect(format.kind(level, low, high)).toBe(valid ? Leaf : NotPresentLeaf);
          expect(BigInt(format.leafFrame(level, low, high))).toBe(aligned);
          expect(format.flags(level, low, high)).toBe(flags);
          expect(format.attributes(level, low, high)).toBe(BigInt(flags));
        },
      ),
    );
  });

  test('the upper ten bits are flags, and part of the attributes', () => {
    fc.assert(
      fc.property(frame, fc.integer(), (first, bits) => {
        const flags = bits & 0xffc0_03ff;
        const [low, high] = encode(first, flags);
        expect(sv57.flags(1, low, high)).toBe(flags);
        const [flagsLow, flagsHigh] = encode(0n, flags);
        expect(sv57.attributes(1, low, high)).toBe((BigInt(flagsHigh) << 32n) | BigInt(flagsLow));
      }),
    );
  });

  test('a table is found wherever it is, above the bottom', () => {
    fc.assert(
      fc.property(frame, fc.constantFrom(0, 0x20, 0x100, 0x320), (first, extra) => {
        const [low, high] = encode(first, _PAGE_PRESENT | extra);
        for (let level = 2; level <= 5; level++) {
          expect(sv57.kind(level, low, high)).toBe(Table);
          expect(sv57.tableAddress(level, low, high)).toBe(Number(first) * 4096);
        }
        expect(sv57.kind(1, low, high)).toBe(Bad);
      }),
    );
  });

  test('a large leaf must be as aligned as it is large', () => {
    for (let bit = 0; bit < 44; bit++) {
      const [low, high] = encode(1n << BigInt(bit), 0xe7);
      for (let level = 1; level <= 5; level++) {
        expect(sv57.kind(level, low, high)).toBe(bit >= 9 * (level - 1) ? Leaf : Bad);
      }
    }
  });

  test('a leaf may be at any level', () => {
    const sizes = [1, 2, 3, 4, 5].map((level) => levelSizeName(sv57, level));
    expect(sizes).toEqual(['4K', '2M', '1G', '512G', '256T']);
    for (let level = 1; level <= 5; level++) expect(sv57.kind(level, 0xe7, 0)).toBe(Leaf);
  });

  test('of R, W and X, all combinations but W without R are leaves', () => {
    for (let bits = 0; bits < 8; bits++) {
      const low = (bits << 1) | _PAGE_PRESENT;
      const reserved = (low & (_PAGE_READ | _PAGE_WRITE)) === _PAGE_WRITE;
      expect(sv39.kind(2, low, 0)).toBe(bits === 0 ? Table : reserved ? Bad : Leaf);
    }
  });

  test('a table has neither U, A, D nor a memory type nor N', () => {
    for (const low of [0x11, 0x41, 0x81]) expect(sv39.kind(2, low, 0)).toBe(Bad);
    for (const high of [0x2000_0000, 0x4000_0000, 0x8000_0000, 0x9000_0000]) {
      expect(sv39.kind(2, 1, high)).toBe(Bad);
    }
  });

  test('bits 54 to 58 are reserved, and so is the last memory type', () => {
    for (let bit = 54; bit <= 58; bit++) expect(sv39.kind(1, 0xe7, 1 << (bit - 32))).toBe(Bad);
    for (const bit of [59, 60]) expect(sv39.kind(1, 0xe7, 1 << (bit - 32))).toBe(Leaf);
    expect(sv39.kind(1, 0xe7, 0x6000_0000)).toBe(Bad);
  });

  test('without V, a leaf is one that is not present; what could be a table is bad', () => {
    for (let level = 1; level <= 3; level++) {
      expect(sv39.kind(level, 0, 0)).toBe(None);
      for (const permission of [_PAGE_READ, _PAGE_WRITE, _PAGE_EXEC, _PAGE_LEAF]) {
        expect(sv39.kind(level, 0x2100_0000 | permission, 0)).toBe(NotPresentLeaf);
      }
      expect(sv39.kind(level, 0x2100_0000, 0)).toBe(level === 1 ? NotPresentLeaf : Bad);
    }
  });
});

describe('mappings of 64K (N)', () => {
  const entry = halves(0x8000_0000_2100_60d7n);

  test('each of the 16 entries names the first of the frames', () => {
    const page = new Uint32Array(1024);
    for (let index = 16; index < 32; index++) page.set(entry, 2 * index);
    const tables = new Map([
      [1, Uint32Array.from({ length: 1024 }, (_, half) => (half === 0 ? (2 << 10) | 1 : 0))],
      [2, Uint32Array.from({ length: 1024 }, (_, half) => (half === 0 ? (3 << 10) | 1 : 0))],
      [3, page],
    ]);
    const readPage = (pfn: number) => tables.get(pfn);
    const leaves = [...walk({ readPage }, sv39, 4096)].filter(({ kind }) => kind === 'leaf');
    expect(leaves.map(({ address }) => address)).toEqual(
      Array.from({ length: 16 }, (_, index) => (16 + index) * 4096),
    );
    expect(new Set(leaves.map(({ frame }) => frame))).toEqual(new Set([0x84010]));
  });

  test('are base pages only, and 64K only', () => {
    for (let low = 0; low < 16; low++) {
      const [word, high] = encode(BigInt(0x84010 + low), 0xd7 | _PAGE_NAPOT);
      expect(sv39.kind(1, word, high)).toBe(low === 8 ? Leaf : Bad);
    }
    const [low, high] = encode(0x84018n, 0xd7 | _PAGE_NAPOT);
    expect(sv39.kind(2, low, high)).toBe(Bad);
    expect(sv39.leafFrame(2, low & ~_PAGE_PRESENT, high)).toBe(0x84000);
  });

  test('could be merged with leaves of another size', () => {
    const flags = sv39.flags(1, ...entry);
    expect(sv39.mergeable(1, flags)).toBe(sv39.mergeable(2, 0xd7));
    expect(sv39.mergeable(1, flags ^ _PAGE_WRITE)).not.toBe(sv39.mergeable(2, 0xd7));
  });
});

test('the kernel may write with W, and execute with X what is not of user space', () => {
  expect([sv39.writable(1, _PAGE_WRITE), sv39.writable(1, _PAGE_READ)]).toEqual([true, false]);
  expect([sv39.executable(1, _PAGE_EXEC), sv39.executable(1, _PAGE_READ)]).toEqual([true, false]);
  expect(sv39.executable(1, _PAGE_EXEC | _PAGE_USER)).toBe(false);
  expect([sv39.user(1, _PAGE_USER), sv39.user(1, _PAGE_EXEC)]).toEqual([true, false]);
  expect(sv39.restrictions(3, 1, 0)).toBe(0);
});

test('the memory type is of Svpbmt, or one of those that Linux writes on T-Head', () => {
  const type = (top: number) => sv39.memoryType(1, (top << 28) | 0xe7);
  expect([0, 2, 4, 6].map(type)).toEqual(['PMA', 'NC', 'IO', 'reserved']);
  expect([7, 3, 9].map(type)).toEqual(['PMA', 'NC', 'IO']);
  expect(sv39.usualMemoryType).toBe('PMA');
});

test('bits are named lowest first, software and reserved bits by number', () => {
  expect(sv39.describe(1, 0x3ff, 0xefc0_0000).join(' ')).toBe(
    'V R W X U G A D RSW=3 BIT54 BIT55 BIT56 BIT57 BIT58 SW59 PBMT=3 N',
  );
  expect(sv39.describe(1, 0x1e7, 0x1000_0000).join(' ')).toBe('V R W G A D RSW=1 SW60');
});

test('the root is the PGD, and levels below have the names that Linux folds them to', () => {
  const names = (format: Riscv64Format) =>
    Array.from({ length: format.levels }, (_, below) => format.levelName(below + 1)).join(' ');
  expect(names(sv39)).toBe('PTE PMD PGD');
  expect(names(new Riscv64Format({ levels: 4 }))).toBe('PTE PMD PUD PGD');
  expect(names(sv57)).toBe('PTE PMD PUD P4D PGD');
});

describe('a geometry smaller than the hardware', () => {
  test.each([1, 2, 3])('of %i bits has leaves and one window as small as that', (indexBits) => {
    const format = new Riscv64Format({ levels: 4, indexBits });
    expect(format.signExtended).toBe(false);
    expect([1, 2, 3, 4].map((level) => format.levelShift(level))).toEqual(
      [0, 1, 2, 3].map((above) => 12 + above * indexBits),
    );
    const pages = 2 ** indexBits;
    const [low, high] = encode(BigInt(3 * pages), 0xe7);
    expect(format.kind(2, low, high)).toBe(Leaf);
    expect(format.leafFrame(2, low, high)).toBe(3 * pages);
    const [oddLow, oddHigh] = encode(BigInt(3 * pages + 1), 0xe7);
    expect(format.kind(2, oddLow, oddHigh)).toBe(Bad);
    expect(format.kind(1, oddLow, oddHigh)).toBe(Leaf);
  });

  test('is the hardware unless it is asked for', () => {
    expect([sv39.indexBits(1), sv39.levelShift(3), sv39.signExtended]).toEqual([9, 30, true]);
  });
});
