import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Arm64Format } from '../../src/mmu/arm64.ts';
import { type EntryFormat, EntryKind, hexAddress, hexWord } from '../../src/mmu/format.ts';
import { Loongarch64Format } from '../../src/mmu/loongarch64.ts';
import { Ppc64HashFormat } from '../../src/mmu/ppc64_hash.ts';
import { Ppc64RadixFormat } from '../../src/mmu/ppc64_radix.ts';
import { Riscv64Format } from '../../src/mmu/riscv64.ts';
import { S390xFormat } from '../../src/mmu/s390x.ts';
import { Sparc64Format } from '../../src/mmu/sparc64.ts';
import { X86Format } from '../../src/mmu/x86_64.ts';
import { toyFormat } from '../support/toy_format.ts';

/** What maps nothing is zero, or what the format says it is at each level. */
type Contracted = EntryFormat & { emptyEntry?(level: number): number };

const FORMATS: Contracted[] = [
  new X86Format(),
  new X86Format({ levels: 5, indexBits: 9, encryptionBit: 51 }),
  new X86Format({ levels: 4, indexBits: 2, encryptionBit: 47 }),
  new X86Format({ levels: 4, indexBits: 1, encryptionBit: undefined }),
  new Arm64Format({ pageShift: 12, vaBits: 48, lpa2: false }),
  new Arm64Format({ pageShift: 12, vaBits: 52, lpa2: true, mair: 0x4_0044_ffffn }),
  new Arm64Format({ pageShift: 14, vaBits: 47, lpa2: false }),
  new Arm64Format({ pageShift: 14, vaBits: 52, lpa2: true }),
  new Arm64Format({ pageShift: 16, vaBits: 42, lpa2: false }),
  new Arm64Format({ pageShift: 16, vaBits: 52, lpa2: false, pa52: true }),
  new Riscv64Format({ levels: 3 }),
  new Riscv64Format({ levels: 4 }),
  new Riscv64Format({ levels: 5 }),
  new Riscv64Format({ levels: 3, indexBits: 1 }),
  new Riscv64Format({ levels: 4, indexBits: 2 }),
  new Riscv64Format({ levels: 5, indexBits: 3 }),
  new S390xFormat({ levels: 2 }),
  new S390xFormat({ levels: 3 }),
  new S390xFormat({ levels: 5 }),
  new S390xFormat({ levels: 3, indexBits: 1 }),
  new Ppc64RadixFormat({ pageShift: 12 }),
  new Ppc64RadixFormat({ pageShift: 16 }),
  new Ppc64RadixFormat({ pageShift: 12, indexBits: 2 }),
  new Ppc64RadixFormat({ pageShift: 16, indexBits: 1 }),
  new Ppc64HashFormat({ pageShift: 12, largeShift: 24 }),
  new Ppc64HashFormat({ pageShift: 16, largeShift: 24 }),
  new Ppc64HashFormat({ pageShift: 12, largeShift: 13 }),
  new Sparc64Format(),
  new Sparc64Format({ indexBits: 1 }),
  new Loongarch64Format(),
  new Loongarch64Format({ pageShift: 12, levels: 4 }),
  new Loongarch64Format({ pageShift: 16, levels: 2 }),
  new Loongarch64Format({ pageShift: 14, levels: 3, indexBits: 2 }),
  toyFormat(9),
  toyFormat(1),
];

/** The widest physical address is riscv's. A number holds it exactly, for it is a multiple of 8. */
const PHYSICAL_BITS = 56;

const KINDS: readonly number[] = Object.values(EntryKind);

const half = fc.integer({ min: 0, max: 0xffff_ffff });

/** Any 64 bits, with many of the sparse and small values that entries really have. */
const word = fc.oneof(
  fc.record({ low: half, high: half }),
  fc.record({ low: fc.integer({ min: 0, max: 0x1fff }), high: fc.constantFrom(0, 0x8000_0000, 0x000f_ffff) }),
);

describe.each(
  FORMATS.map((format) => ({ name: `${format.name}, ${format.indexBits(1)} index bits`, format })),
)('$name keeps the contract of every format', ({ format }) => {
  const level = fc.integer({ min: 1, max: format.levels });

  test('an entry covers what the table below it covers', () => {
    expect(format.levelShift(1)).toBe(format.pageShift);
    for (let above = 2; above <= format.levels; above++) {
      expect(format.levelShift(above)).toBe(format.levelShift(above - 1) + format.indexBits(above - 1));
    }
  });

  test('each level has a name of its own', () => {
    const names = Array.from({ length: format.levels }, (_, below) => format.levelName(below + 1));
    expect(new Set(names).size).toBe(format.levels);
    expect(names).not.toContain(undefined);
  });

  test('an empty entry is nothing', () => {
    for (let each = 1; each <= format.levels; each++) {
      expect(format.kind(each, format.emptyEntry?.(each) ?? 0, 0)).toBe(EntryKind.None);
    }
  });

  test('any 64 bits can be asked anything', () => {
    fc.assert(
      fc.property(level, word, (at, { low, high }) => {
        const kind = format.kind(at, low, high);
        const flags = format.flags(at, low, high);
        const names = format.describe(at, low, high);
        expect(KINDS).toContain(kind);
        expect(flags).toBe(flags | 0);
        expect(new Set(names).size).toBe(names.length);
        expect(names).not.toContain('');
        format.writable(at, flags);
        format.executable(at, flags);
        format.user(at, flags);
        expect(format.mergeable(at, flags)).toBe(format.mergeable(at, flags) | 0);
        expect(format.restrictions(at, low, high)).toBeLessThan(8);
        expect(BigInt.asUintN(64, format.attributes(at, low, high))).toBe(format.attributes(at, low, high));
        format.memoryType(at, flags);
      }),
    );
  });

  test('the bottom level names no tables', () => {
    fc.assert(fc.property(word, ({ low, high }) => format.kind(1, low, high) !== EntryKind.Table));
  });

  test('tables and frames are at physical addresses', () => {
    fc.assert(
      fc.property(level, word, (at, { low, high }) => {
        const table = format.tableAddress(at, low, high);
        expect(table % 8).toBe(0);
        expect(table).toBeGreaterThanOrEqual(0);
        expect(table).toBeLessThan(2 ** PHYSICAL_BITS);
        const frame = format.leafFrame(at, low, high);
        expect(Number.isInteger(frame)).toBe(true);
        expect(frame).toBeGreaterThanOrEqual(0);
        expect(frame).toBeLessThan(2 ** (PHYSICAL_BITS - format.pageShift));
      }),
    );
  });

  test('the frame of a leaf that the hardware uses is as aligned as the leaf is large', () => {
    fc.assert(
      fc.property(level, word, (at, { low, high }) => {
        if (format.kind(at, low, high) !== EntryKind.Leaf) return;
        expect(format.leafFrame(at, low, high) % 2 ** (format.levelShift(at) - format.pageShift)).toBe(0);
      }),
    );
  });
});

describe('printing', () => {
  test('an address is printed as the 64 bits that it stands for', () => {
    expect(hexAddress(0)).toBe('0x0');
    expect(hexAddress(0x7fff_ffff_f000)).toBe('0x7ffffffff000');
    expect(hexAddress(-(2 ** 47))).toBe('0xffff800000000000');
    expect(hexAddress(-0x7780_0000_0000)).toBe('0xffff888000000000');
    expect(hexAddress(-4096)).toBe('0xfffffffffffff000');
  });

  test('every page of 64 bits of address space has an exact number', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 52n - 1n }), (page) => {
        const address = Number(BigInt.asIntN(64, page << 12n));
        expect(hexAddress(address)).toBe(`0x${(page << 12n).toString(16)}`);
      }),
    );
  });

  test('a word is printed from its halves, signed or not', () => {
    expect(hexWord(0, 0)).toBe('0x0');
    expect(hexWord(0x163, 0x8000_0000)).toBe('0x8000000000000163');
    expect(hexWord(0x163, 0x8000_0000 | 0)).toBe('0x8000000000000163');
    expect(hexWord(-1, 0)).toBe('0xffffffff');
    expect(hexWord(0xb5, 1)).toBe('0x1000000b5');
  });
});
