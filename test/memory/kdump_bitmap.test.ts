import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boundedRanges } from '../../src/memory/bounded_ranges.ts';
import { bytesSource } from '../../src/memory/byte_source.ts';
import { ElfReader } from '../../src/memory/elf64.ts';
import { KdumpBitmap } from '../../src/memory/kdump_bitmap.ts';

function bitmapOf(bytes: Uint8Array, bits = 8 * bytes.length, offset = 0): KdumpBitmap {
  return new KdumpBitmap(new ElfReader(bytesSource(bytes), 'test', true), offset, bits);
}

function setBits(bits: readonly number[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (const bit of bits) bytes[bit >> 3]! |= 1 << (bit & 7);
  return bytes;
}

const CHUNK_BITS = 8 * 16384;

describe('KdumpBitmap', () => {
  test('counts the bits before each, and finds the runs of them', () => {
    const places = fc.oneof(
      fc.nat(300),
      fc.integer({ min: CHUNK_BITS - 40, max: CHUNK_BITS + 300 }),
      fc.nat(3 * CHUNK_BITS),
    );
    fc.assert(
      fc.property(fc.uniqueArray(places, { maxLength: 80 }), fc.nat(7), (chosen, cut) => {
        const bits = 3 * CHUNK_BITS + 8 - cut;
        const sorted = chosen.sort((a, b) => a - b);
        const bitmap = bitmapOf(setBits([...sorted, bits], 3 * 16384 + 16), bits);
        for (const bit of sorted.toReversed()) {
          expect(bitmap.rankOf(bit)).toBe(sorted.indexOf(bit));
          if (!sorted.includes(bit + 1)) expect(bitmap.rankOf(bit + 1)).toBeUndefined();
        }
        const runs = [...bitmap.runs()];
        expect(
          runs.flatMap(({ first, end }) => Array.from({ length: end - first }, (_, at) => first + at)),
        ).toEqual(sorted);
        runs.forEach(({ first }, index) => {
          if (index > 0) expect(first).toBeGreaterThan(runs[index - 1]!.end);
        });
      }),
      { numRuns: 50 },
    );
  });

  test('has nothing outside itself', () => {
    const bitmap = bitmapOf(new Uint8Array(10).fill(0xff), 75);
    expect(bitmap.rankOf(74)).toBe(74);
    for (const index of [-1, 75, 79, 80, 2 ** 50, Number.NaN]) expect(bitmap.rankOf(index)).toBeUndefined();
    expect([...bitmap.runs()]).toEqual([{ first: 0, end: 75 }]);
    expect([...bitmapOf(new Uint8Array(0)).runs()]).toEqual([]);
  });

  test('counts the bits of a terabyte within two seconds, and keeps little of them', () => {
    const size = 2 ** 25;
    let read = 0;
    const page = new Uint8Array(16384).fill(0x55);
    const source = {
      size,
      read(_offset: number, length: number) {
        read += length;
        return page.subarray(0, length);
      },
    };
    const bitmap = new KdumpBitmap(new ElfReader(source, 'test', true), 0, 8 * size);
    const before = performance.now();
    expect(bitmap.rankOf(8 * size - 2)).toBe(4 * size - 1);
    expect(bitmap.rankOf(0)).toBe(0);
    expect(performance.now() - before).toBeLessThan(2000);
    expect(read).toBe(size + 16384);
  });
});

describe('boundedRanges', () => {
  test('gives bytes of each run, where there are few', () => {
    const runs = [
      { first: 1, end: 3 },
      { first: 5, end: 6 },
    ];
    expect(boundedRanges(runs, 4096, 2)).toEqual([
      { start: 4096, size: 8192 },
      { start: 5 * 4096, size: 4096 },
    ]);
  });

  test('takes in the smallest gaps where there are too many', () => {
    const runs = Array.from({ length: 1000 }, (_, index) => ({ first: 10 * index, end: 10 * index + 5 }));
    runs.push({ first: 100_000, end: 100_001 });
    expect(boundedRanges(runs, 1, 100)).toEqual([
      { start: 0, size: 9995 },
      { start: 100_000, size: 1 },
    ]);
    const ranges = boundedRanges(runs.slice(0, 100), 1, 100);
    expect(ranges).toHaveLength(100);
  });
});
