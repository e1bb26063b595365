import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SparseBytes } from '../../../web/reader/sparse_bytes.ts';

const LIMITS = { kept: 2 ** 20, total: 2 ** 30 };

function sparse(pieces: readonly Uint8Array[], limits = LIMITS): SparseBytes {
  const bytes = new SparseBytes('vmcore.gz', limits);
  for (const piece of pieces) bytes.append(piece);
  return bytes;
}

describe('SparseBytes', () => {
  test('gives back what came, zeros or not, wherever one reads', () => {
    const piece = fc.record({ size: fc.nat(40_000), fill: fc.constantFrom(0, 0, 7), end: fc.nat(1) });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.nat(), fc.nat(), (pieces, from, to) => {
        const all = pieces.map(({ size, fill, end }) => new Uint8Array(size).fill(fill).fill(end, -1));
        const whole = Buffer.concat(all);
        const bytes = sparse(all);
        expect(bytes.size).toBe(whole.length);
        const [start = 0, stop = 0] = [from % (whole.length + 1), to % (whole.length + 1)].sort(
          (a, b) => a - b,
        );
        expect(whole.subarray(start, stop).compare(bytes.read(start, stop - start))).toBe(0);
      }),
    );
  });

  test('has room for any number of zeros, up to its bound', () => {
    const zeros = new Uint8Array(2 ** 24);
    const bytes = sparse(Array.from({ length: 64 }, () => zeros));
    expect(bytes.size).toBe(2 ** 30);
    expect(bytes.read(2 ** 30 - 8, 8)).toEqual(new Uint8Array(8));
    expect(() => bytes.append(new Uint8Array(1))).toThrow(
      'vmcore.gz: cannot read the packed dump: it is too large: more than 1024 MiB would come out of it. Unpack it to a file first',
    );
  });

  test('refuses more than it may keep, and says what to do', () => {
    const full = sparse([new Uint8Array(2 ** 20).fill(1), new Uint8Array(2 ** 20)]);
    expect(() => full.append(new Uint8Array(16384).fill(1))).toThrow(
      'more than 1 MiB that are not zeros would come out of it. Unpack it to a file first',
    );
  });

  test('refuses to read outside of what came', () => {
    const bytes = sparse([new Uint8Array(100)]);
    for (const [offset, length] of [
      [-1, 2],
      [0, 101],
      [100, 1],
      [0, -1],
      [Number.NaN, 1],
    ] as const) {
      expect(() => bytes.read(offset, length)).toThrow(/are not within its 100 bytes/);
    }
  });
});
