import { describe, expect, test } from 'vitest';
import { EntryKind } from '../../src/mmu/format.ts';
import { Ppc64HashFormat } from '../../src/mmu/ppc64_hash.ts';

const format = new Ppc64HashFormat({ pageShift: 12, largeShift: 24 });
const halves = (word: bigint) => [Number(word & 0xffff_ffffn), Number(word >> 32n)] as const;
const describeWord = (level: number, word: bigint) => format.describe(level, ...halves(word)).join(' ');
const flagsOf = (word: bigint) => format.flags(1, ...halves(word));

describe('the second doubleword of a hash entry', () => {
  test('reads as the kernel writes it for its memory', () => {
    expect(describeWord(1, 0x1234_5194n)).toBe('PP=000 N M C R');
    expect(describeWord(1, 0x8000_0000_1234_5192n)).toBe('PP=110 M C R');
    expect(describeWord(1, 0x7000_0000_1234_5794n)).toBe('PP=000 N M C R KEY=27 TS');
  });

  test('says who may do what', () => {
    const kernel = flagsOf(0x194n);
    expect([format.writable(1, kernel), format.executable(1, kernel), format.user(1, kernel)]).toEqual([
      true,
      false,
      false,
    ]);
    const text = flagsOf(0x8000_0000_0000_0192n);
    expect([format.writable(1, text), format.executable(1, text), format.user(1, text)]).toEqual([
      false,
      true,
      false,
    ]);
    const user = flagsOf(0x193n);
    expect([format.writable(1, user), format.user(1, user)]).toEqual([false, true]);
  });

  test('names a frame of base pages, whatever the size of the page', () => {
    expect(format.leafFrame(1, ...halves(0x12_3456_7194n))).toBe(0x1234567);
    expect(format.leafFrame(2, ...halves(0x12_3400_0194n))).toBe(0x1234000);
    expect(format.kind(2, ...halves(0x12_3410_0194n))).toBe(EntryKind.Bad);
    expect(format.kind(1, ...halves(0x0010_0000_0000_0194n))).toBe(EntryKind.Bad);
  });

  test('holds the type of the memory', () => {
    expect(format.memoryType(1, flagsOf(0x194n))).toBe('normal');
    expect(format.memoryType(1, flagsOf(0x1a4n))).toBe('tolerant');
    expect(format.memoryType(1, flagsOf(0x1acn))).toBe('non-idempotent');
    expect(format.memoryType(1, flagsOf(0x1f4n))).toBe('SAO');
    expect(format.memoryType(1, flagsOf(0x1dcn))).toBe('WIMG=1011');
  });
});
