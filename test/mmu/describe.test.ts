import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  describeEntry,
  describeLeaf,
  describeProtection,
  levelSizeName,
  sizeName,
} from '../../src/mmu/describe.ts';
import { S390xFormat } from '../../src/mmu/s390x.ts';
import {
  _PAGE_NX,
  _PAGE_PAT_LARGE,
  _PAGE_PCD,
  _PAGE_PWT,
  _PAGE_RW,
  X86Format,
} from '../../src/mmu/x86_64.ts';

const x86 = new X86Format();

describe('entries in words', () => {
  test('a present leaf is its bits', () => {
    expect(describeEntry(x86, 2, 0x0200_01e3, 0x8000_0001)).toBe('P RW A D PSE G NX');
    expect(describeLeaf(x86, 2, 0x0200_01e3, 0x8000_0001)).toBe('2M');
  });

  test('a leaf that is not present has a dash where P would be', () => {
    expect(describeEntry(x86, 2, 0xfdff_f062, 0x800f_fffe)).toBe('- RW A D NX');
    expect(describeLeaf(x86, 2, 0xfdff_f062, 0x800f_fffe)).toBe('2M, not present');
    expect(describeLeaf(x86, 1, 0xfe8d_6060, 0x800f_fffe)).toBe('4K, not present');
  });

  test('a table is its bits, or "table" where the format names none, and nothing is none', () => {
    expect(describeEntry(new S390xFormat({ levels: 3 }), 2, 0x0001_0800, 0)).toBe('table');
    expect(describeEntry(x86, 4, 0x2067, 0)).toBe('P RW US A D');
    expect(describeEntry(x86, 4, 0, 0)).toBe('none');
    expect(describeEntry(x86, 1, 0x60, 0)).toBe('none');
  });

  test('an entry that no hardware would accept says so', () => {
    expect(describeEntry(x86, 4, 0x20e7, 0)).toBe('P RW US A D PSE (reserved bits)');
  });

  test('protection is what the leaf allows, and its memory type unless it is write-back', () => {
    expect(describeProtection(x86, 1, _PAGE_RW | _PAGE_NX)).toBe('rw nx');
    expect(describeProtection(x86, 1, 0)).toBe('ro x');
    expect(describeProtection(x86, 1, _PAGE_RW | _PAGE_NX | _PAGE_PCD)).toBe('rw nx UC-');
    expect(describeProtection(x86, 2, _PAGE_PAT_LARGE | _PAGE_PCD | _PAGE_PWT)).toBe('ro x WT');
  });
});

describe('sizes', () => {
  test('the sizes of leaves have the names that people use', () => {
    expect([1, 2, 3, 4].map((level) => levelSizeName(x86, level))).toEqual(['4K', '2M', '1G', '512G']);
  });

  test('a size is in the largest unit that divides it', () => {
    expect(sizeName(0)).toBe('0');
    expect(sizeName(8)).toBe('8');
    expect(sizeName(1428 * 1024)).toBe('1428K');
    expect(sizeName(64 * 1024)).toBe('64K');
    expect(sizeName(2 ** 47)).toBe('128T');
    expect(sizeName(2 ** 64)).toBe('16E');
    expect(sizeName(2 ** 80)).toBe('1048576E');
  });

  test('a size can be read back', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        const [, digits, unit] = /^(\d+)([KMGTPE]?)$/.exec(sizeName(bytes))!;
        expect(Number(digits) * 1024 ** ['', 'K', 'M', 'G', 'T', 'P', 'E'].indexOf(unit!)).toBe(bytes);
      }),
    );
  });
});
