import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EntryKind } from '../../src/mmu/format.ts';
import {
  _PAGE_ACCESSED,
  _PAGE_DIRTY,
  _PAGE_ENC,
  _PAGE_GLOBAL,
  _PAGE_NX,
  _PAGE_PAT,
  _PAGE_PAT_LARGE,
  _PAGE_PCD,
  _PAGE_PRESENT,
  _PAGE_PSE,
  _PAGE_PWT,
  _PAGE_RW,
  PG_LEVEL_1G,
  PG_LEVEL_2M,
  PG_LEVEL_4K,
  X86Format,
} from '../../src/mmu/x86_64.ts';

const x86 = new X86Format();

/** The halves of a 64-bit entry. */
function halves(entry: bigint): [low: number, high: number] {
  return [Number(entry & 0xffff_ffffn), Number(entry >> 32n)];
}

/** Frame and flags to an entry, the way the kernel stores leaves: the frame inverted if the leaf is not present. */
function encode(
  frame: number,
  flags: number,
  encryptionBit: number | undefined,
): [low: number, high: number] {
  const stored = (flags & _PAGE_PRESENT) !== 0 ? BigInt(frame) : BigInt.asUintN(40, ~BigInt(frame));
  const address = stored << 12n;
  const encryption = encryptionBit === undefined ? 0n : 1n << BigInt(encryptionBit);
  const rest = BigInt(flags & 0x1fff) | (BigInt(flags >>> 20) << 52n);
  return halves((address & ~encryption) | rest | ((flags & _PAGE_ENC) !== 0 ? encryption : 0n));
}

/** Entries that real kernels wrote, with what they stand for. */
const KNOWN: [entry: bigint, level: number, kind: EntryKind, frame: number, names: string][] = [
  [0x8000_0000_0000_0163n, PG_LEVEL_4K, EntryKind.Leaf, 0, 'P RW A D G NX'],
  [0x8000_0001_0172_9163n, PG_LEVEL_4K, EntryKind.Leaf, 0x101729, 'P RW A D G NX'],
  [0x8000_0001_0200_01e3n, PG_LEVEL_2M, EntryKind.Leaf, 0x102000, 'P RW A D PSE G NX'],
  [0x8000_0000_4000_01e1n, PG_LEVEL_1G, EntryKind.Leaf, 0x40000, 'P A D PSE G NX'],
  [0x0000_0000_0280_b067n, PG_LEVEL_2M, EntryKind.Table, 0, 'P RW US A D'],
  [0x0000_0001_0280_b063n, PG_LEVEL_1G, EntryKind.Table, 0, 'P RW A D'],
  // A page of memfd_secret(): v6.1, and v6.12, which clears the dirty bit too.
  [0x800f_fffe_fe8d_6060n, PG_LEVEL_4K, EntryKind.NotPresentLeaf, 0x101729, 'A D NX'],
  [0x800f_fffe_fe7b_0020n, PG_LEVEL_4K, EntryKind.NotPresentLeaf, 0x10184f, 'A NX'],
  // After set_memory_np() of a whole leaf of 1G, and of 2M.
  [0x800f_ffff_bfff_f062n, PG_LEVEL_1G, EntryKind.NotPresentLeaf, 0x40000, 'RW A D NX'],
  [0x800f_fffe_fdff_f062n, PG_LEVEL_2M, EntryKind.NotPresentLeaf, 0x102000, 'RW A D NX'],
];

test.each(KNOWN)('0x%x at level %i reads as it was meant', (entry, level, kind, frame, names) => {
  const [low, high] = halves(entry);
  expect(x86.kind(level, low, high)).toBe(kind);
  expect(x86.describe(level, low, high).join(' ')).toBe(names);
  if (kind === EntryKind.Table) expect(x86.tableAddress(level, low, high)).toBe(Number(entry & ~0xfffn));
  else expect(x86.leafFrame(level, low, high)).toBe(frame);
});

describe('leaves', () => {
  const machine = fc.record({
    levels: fc.constantFrom(4 as const, 5 as const),
    indexBits: fc.constantFrom(1, 2, 9),
    encryptionBit: fc.constantFrom(undefined, 47, 51),
  });
  const leaf = fc.record({
    level: fc.constantFrom(PG_LEVEL_4K, PG_LEVEL_2M, PG_LEVEL_1G),
    bits: fc.integer(),
    frame: fc.integer({ min: 0, max: 2 ** 35 - 1 }),
    present: fc.boolean(),
  });

  test('what is put into an entry is what comes out, in any geometry, with and without a C-bit', () => {
    fc.assert(
      fc.property(machine, leaf, (geometry, { level, bits, frame, present }) => {
        const format = new X86Format(geometry);
        const large = level > PG_LEVEL_4K;
        const allowed =
          0xfff0_0e7f |
          (present ? _PAGE_GLOBAL : 0) |
          (large ? 0 : _PAGE_PAT) |
          (large && present ? _PAGE_PAT_LARGE : 0) |
          (geometry.encryptionBit === undefined ? 0 : _PAGE_ENC);
        const fixed = _PAGE_RW | (present ? _PAGE_PRESENT : 0) | (large && present ? _PAGE_PSE : 0);
        const flags = (bits & allowed & ~_PAGE_PRESENT) | fixed;
        const pages = 2 ** (format.levelShift(level) - 12);
        const aligned = Math.floor(frame / pages) * pages;
        const [low, high] = encode(aligned, flags, geometry.encryptionBit);

        expect(format.kind(level, low, high)).toBe(present ? EntryKind.Leaf : EntryKind.NotPresentLeaf);
        expect(format.leafFrame(level, low, high)).toBe(aligned);
        expect(format.flags(level, low, high)).toBe(flags);
        expect(format.writable(level, flags)).toBe(true);
        expect(format.executable(level, flags)).toBe((flags & _PAGE_NX) === 0);
      }),
    );
  });

  test('a table is found whatever its flags, with and without a C-bit', () => {
    fc.assert(
      fc.property(
        machine,
        fc.integer({ min: 0, max: 2 ** 35 - 1 }),
        fc.boolean(),
        (geometry, frame, encrypted) => {
          const format = new X86Format(geometry);
          const [low, high] = encode(frame, 0x67 | (encrypted ? _PAGE_ENC : 0), geometry.encryptionBit);
          for (let level = 2; level <= geometry.levels; level++) {
            expect(format.kind(level, low, high)).toBe(EntryKind.Table);
            expect(format.tableAddress(level, low, high)).toBe(frame * 4096);
          }
        },
      ),
    );
  });

  test('accessed and dirty alone are nothing, as an erratum sets them', () => {
    for (const low of [_PAGE_ACCESSED, _PAGE_DIRTY, _PAGE_ACCESSED | _PAGE_DIRTY]) {
      expect(x86.kind(1, low, 0)).toBe(EntryKind.None);
      expect(x86.kind(4, low, 0)).toBe(EntryKind.None);
    }
    expect(x86.kind(1, _PAGE_ACCESSED, 1)).toBe(EntryKind.NotPresentLeaf);
  });

  test('a large leaf may set its PAT bit, and no other address bit below its size', () => {
    for (let bit = 12; bit < 30; bit++) {
      const low = 0x4000_0000 | (1 << bit) | 0x1e3;
      expect(x86.kind(PG_LEVEL_2M, low, 0)).toBe(bit === 12 || bit >= 21 ? EntryKind.Leaf : EntryKind.Bad);
      expect(x86.kind(PG_LEVEL_1G, low, 0)).toBe(bit === 12 ? EntryKind.Leaf : EntryKind.Bad);
    }
  });

  test('no leaf is larger than 1G, present or not', () => {
    const five = new X86Format({ levels: 5, indexBits: 9, encryptionBit: undefined });
    for (const level of [4, 5]) {
      expect(five.kind(level, 0x1e3, 0)).toBe(EntryKind.Bad);
      expect(five.kind(level, 0xffff_f062, 0x800f_ffff)).toBe(EntryKind.Bad);
    }
  });
});

describe('names', () => {
  test('bits are named lowest first, and bits 7, 8 and 12 by where they are', () => {
    const all = (level: number, low: number) => x86.describe(level, low, 0xfff0_0000).join(' ');
    expect(all(1, 0xfff)).toBe('P RW US PWT PCD A D PAT G SW1 SW2 SW3 SOFT=7ff NX');
    expect(all(2, 0x1fff)).toBe('P RW US PWT PCD A D PSE G SW1 SW2 SW3 PAT SOFT=7ff NX');
    expect(x86.describe(1, 0x160, 0x8000_0000).join(' ')).toBe('A D PROTNONE NX');
  });

  test('the C-bit is named where the machine has one, and is part of the address where not', () => {
    const sev = new X86Format({ levels: 4, indexBits: 9, encryptionBit: 51 });
    expect(sev.describe(1, 0x163, 0x8008_0000).join(' ')).toBe('P RW A D G C NX');
    expect(sev.leafFrame(1, 0x163, 0x8008_0000)).toBe(0);
    expect(x86.describe(1, 0x163, 0x8008_0000).join(' ')).toBe('P RW A D G NX');
    expect(x86.leafFrame(1, 0x163, 0x8008_0000)).toBe(2 ** 39);
  });

  test('the root is the PGD, and only five levels have a P4D', () => {
    const five = new X86Format({ levels: 5, indexBits: 9, encryptionBit: undefined });
    expect([1, 2, 3, 4].map((level) => x86.levelName(level))).toEqual(['PTE', 'PMD', 'PUD', 'PGD']);
    expect([1, 2, 3, 4, 5].map((level) => five.levelName(level))).toEqual([
      'PTE',
      'PMD',
      'PUD',
      'P4D',
      'PGD',
    ]);
  });
});

test('the memory type is the PAT slot that PAT, PCD and PWT select', () => {
  const slots = ['WB', 'WC', 'UC-', 'UC', 'WB', 'WP', 'UC-', 'WT'];
  for (const [slot, type] of slots.entries()) {
    const cache = ((slot & 1) !== 0 ? _PAGE_PWT : 0) | ((slot & 2) !== 0 ? _PAGE_PCD : 0);
    expect(x86.memoryType(1, cache | ((slot & 4) !== 0 ? _PAGE_PAT : 0))).toBe(type);
    expect(x86.memoryType(2, _PAGE_PSE | cache | ((slot & 4) !== 0 ? _PAGE_PAT_LARGE : 0))).toBe(type);
  }
});
