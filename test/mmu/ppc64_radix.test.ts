import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EntryKind } from '../../src/mmu/format.ts';
import {
  _PAGE_EXEC,
  _PAGE_PRESENT,
  _PAGE_PRIVILEGED,
  _PAGE_PTE,
  _PAGE_WRITE,
  isHashTable,
  Ppc64RadixFormat,
} from '../../src/mmu/ppc64_radix.ts';
import { countCore, readCore, readDescription, tablesOf } from '../support/real_core.ts';
import { halvesOf, sparseWords } from '../support/sparse_words.ts';

const KERNEL_START = -(2 ** 62);
const small = new Ppc64RadixFormat({ pageShift: 12 });
const large = new Ppc64RadixFormat({ pageShift: 16 });
const FORMATS = [small, large] as const;

/** Entries that real kernels wrote, with what they stand for. */
const KNOWN: [entry: bigint, level: number, kind: EntryKind, frame: number, names: string][] = [
  [0xc000_0000_024b_f18en, 1, EntryKind.Leaf, 0x24bf, 'WRITE READ PRIVILEGED DIRTY ACCESSED PTE PRESENT'],
  [0xc000_0000_0397_910dn, 1, EntryKind.Leaf, 0x3979, 'EXEC READ PRIVILEGED ACCESSED PTE PRESENT'],
  // After change_memory_attr() to not present.
  [0x4000_0000_024b_f18en, 1, EntryKind.NotPresentLeaf, 0x24bf, 'WRITE READ PRIVILEGED DIRTY ACCESSED PTE'],
  [0xc000_0000_0200_018en, 2, EntryKind.Leaf, 0x2000, 'WRITE READ PRIVILEGED DIRTY ACCESSED PTE PRESENT'],
  [0xc000_0000_4000_018en, 3, EntryKind.Leaf, 0x40000, 'WRITE READ PRIVILEGED DIRTY ACCESSED PTE PRESENT'],
  [
    0xc000_2000_0000_01aen,
    1,
    EntryKind.Leaf,
    0x2_0000_0000,
    'WRITE READ PRIVILEGED NON-IDEMPOTENT DIRTY ACCESSED PTE PRESENT',
  ],
];

test.each(KNOWN)('0x%x at level %i reads as it was meant', (entry, level, kind, frame, names) => {
  const [low, high] = halvesOf(entry);
  expect(small.kind(level, low, high)).toBe(kind);
  expect(small.describe(level, low, high).join(' ')).toBe(names);
  expect(small.leafFrame(level, low, high)).toBe(frame);
});

test('the root maps 52 bits, whatever the page size', () => {
  for (const format of FORMATS) expect(format.levelShift(4) + format.indexBits(4)).toBe(52);
  expect([1, 2, 3, 4].map((level) => small.indexBits(level))).toEqual([9, 9, 9, 13]);
  expect([1, 2, 3, 4].map((level) => large.indexBits(level))).toEqual([5, 9, 9, 13]);
});

describe('leaves', () => {
  const leaf = fc.record({
    format: fc.constantFrom(...FORMATS),
    level: fc.constantFrom(1, 2, 3),
    bits: fc.integer(),
    megabytes: fc.nat(2 ** 31 - 1),
    present: fc.boolean(),
  });

  test('what is put into an entry is what comes out, of all sizes, with pages of 4K and 64K', () => {
    fc.assert(
      fc.property(leaf, ({ format, level, bits, megabytes, present }) => {
        const flags = (bits & 0x3e00_0fff) | _PAGE_PTE | (present ? _PAGE_PRESENT : 0);
        const size = 2 ** format.levelShift(level);
        const address = Math.floor((megabytes * 2 ** 20) / size) * size;
        const stored = (BigInt((flags & 0xfe00_0000) >>> 0) << 32n) | BigInt(flags & 0xfff);
        const [low, high] = halvesOf(BigInt(address) | stored);

        expect(format.kind(level, low, high)).toBe(present ? EntryKind.Leaf : EntryKind.NotPresentLeaf);
        expect(format.leafFrame(level, low, high)).toBe(address / 2 ** format.pageShift);
        expect(format.flags(level, low, high)).toBe(flags);
        expect(format.attributes(level, low, high)).toBe(stored);
        expect(format.writable(level, flags)).toBe((bits & _PAGE_WRITE) !== 0);
        expect(format.executable(level, flags)).toBe((bits & _PAGE_EXEC) !== 0);
        expect(format.user(level, flags)).toBe((bits & _PAGE_PRIVILEGED) === 0);
        expect(format.mergeable(level, flags)).toBe(flags);
      }),
    );
  });

  test('a leaf may set no address bit below its size, and none above 52', () => {
    for (const format of FORMATS) {
      for (let bit = 12; bit < 57; bit++) {
        const [low, high] = halvesOf(0xc000_0000_0000_018en | (1n << BigInt(bit)));
        for (const level of [1, 2, 3]) {
          const legal = bit >= format.levelShift(level) && bit < 52;
          expect(format.kind(level, low, high)).toBe(legal ? EntryKind.Leaf : EntryKind.Bad);
        }
      }
    }
  });

  test('no leaf is larger than 1G, present or not', () => {
    expect(small.kind(4, 0x18e, 0xc000_0000)).toBe(EntryKind.Bad);
    expect(small.kind(4, 0x18e, 0x4000_0000)).toBe(EntryKind.Bad);
  });

  test('the memory type is the attribute field', () => {
    const types = [0x00, 0x10, 0x20, 0x30].map((field) => small.memoryType(1, 0x18e | field));
    expect(types).toEqual(['normal', 'SAO', 'non-idempotent', 'tolerant']);
    expect(small.describe(1, 0x3f, 0x8000_0000).join(' ')).toBe(
      'EXEC WRITE READ PRIVILEGED TOLERANT PRESENT',
    );
    expect(small.describe(1, 0xe40, 0x3e00_0000).join(' ')).toBe('RSV6 SW3 SW2 SW1 RSV=f SW0');
  });
});

describe('tables', () => {
  test('a table is found where it is, if its size is that of the next level', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...FORMATS),
        fc.constantFrom(2, 3, 4),
        fc.nat(2 ** 31 - 1),
        fc.nat(31),
        (format, level, where, sizeBits) => {
          const address = where * (8 << format.indexBits(level - 1));
          const [low, high] = halvesOf((1n << 63n) | BigInt(address) | BigInt(sizeBits));
          const fits = sizeBits === format.indexBits(level - 1);
          expect(format.kind(level, low, high)).toBe(fits ? EntryKind.Table : EntryKind.Bad);
          expect(format.tableAddress(level, low, high)).toBe(address);
          expect(format.describe(level, low, high)).toEqual([`NLS=${sizeBits}`, 'PRESENT']);
        },
      ),
    );
  });

  test('a page table of 64K pages may be at any multiple of its 256 bytes, others at multiples of 4096', () => {
    const [low, high] = halvesOf(0x8000_0000_0274_1305n);
    expect(large.kind(2, low, high)).toBe(EntryKind.Table);
    expect(large.tableAddress(2, low, high)).toBe(0x274_1300);
    expect(large.kind(2, low | 0x20, high)).toBe(EntryKind.Bad);
    expect(small.kind(2, 0x274_1309, high)).toBe(EntryKind.Bad);
    expect(small.kind(2, 0x274_1009, high)).toBe(EntryKind.Table);
    expect(small.kind(2, 0x274_1009, 0x8010_0000)).toBe(EntryKind.Bad);
  });

  test('what is valid at the bottom is a leaf, and what is neither valid nor a leaf cannot be read above it', () => {
    expect(small.kind(1, 0x274_1009, 0x8000_0000)).toBe(EntryKind.Bad);
    expect(small.kind(1, 0x274_1009, 0)).toBe(EntryKind.NotPresentLeaf);
    expect(small.kind(2, 0x274_1009, 0)).toBe(EntryKind.Bad);
  });
});

describe('the cores of radix machines', () => {
  test.each([
    ['ppc64-6.1-64k-p9', large],
    ['ppc64-6.12-p10', small],
    ['ppc64-7.2-p10', small],
  ] as const)('have the tables and leaves that were counted: %s', (name, format) => {
    const description = readDescription(name);
    const words = tablesOf(readCore(name), format);
    const counted = countCore(words, format, description, KERNEL_START);
    expect(counted).toEqual({
      tables: description.tables,
      allLeaves: description.allLeaves,
      linearLeaves: description.linearLeaves,
      invalidNonZero: description.invalidNonZero,
      broken: [],
      misplaced: [],
    });
    expect(isHashTable(words, Number(description.root))).toBe(false);
  });
});

describe('the tables of a kernel with a hash MMU', () => {
  test('are told from radix tables by their root, and are none for a walk', () => {
    const description = readDescription('ppc64-6.12-p8-hash');
    const words = tablesOf(readCore('ppc64-6.12-p8-hash'), small);
    expect(isHashTable(words, Number(description.root))).toBe(true);
    const counted = countCore(words, small, description, KERNEL_START);
    expect(counted.allLeaves).toEqual({});
    expect(counted.broken.map(({ why }) => why)).toContain('reserved bits');
  });

  test('are not seen in a root that is empty or not there, nor where any entry tells the size of a table', () => {
    expect(isHashTable(sparseWords(new Map(), 0n), 0)).toBe(false);
    expect(isHashTable({ readPage: () => undefined }, 0)).toBe(false);
    const hash: [number, bigint][] = [[8, 0x8000_0000_02de_e000n]];
    const radix: [number, bigint][] = [[0xfff8, 0x8000_0000_02de_e009n]];
    expect(isHashTable(sparseWords(new Map(hash), 0n), 0)).toBe(true);
    expect(isHashTable(sparseWords(new Map([...hash, ...radix]), 0n), 0)).toBe(false);
  });
});
