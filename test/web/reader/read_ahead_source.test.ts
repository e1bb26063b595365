import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ByteSource, bytesSource } from '../../../src/memory/byte_source.ts';
import { ReadAheadSource } from '../../../web/reader/read_ahead_source.ts';
import { repetitive } from '../../support/repetitive.ts';

const MIB = 2 ** 20;
const BYTES = repetitive(10 * MIB);

/** `asked` is told the place and size of each read that gets through. */
function watched(asked: [number, number][]): ByteSource {
  const { size, read } = bytesSource(BYTES);
  return {
    size,
    read(offset, length) {
      asked.push([offset, length]);
      return read(offset, length);
    },
  };
}

describe('ReadAheadSource', () => {
  test('reads 4 MiB at once for who reads on and on, up to the end', () => {
    const asked: [number, number][] = [];
    const source = new ReadAheadSource(watched(asked));
    for (let at = 0; at < source.size; at += MIB / 2) source.read(at, MIB / 2);
    expect(asked).toEqual([
      [0, MIB / 2],
      [MIB / 2, 4 * MIB],
      [4.5 * MIB, 4 * MIB],
      [8.5 * MIB, 1.5 * MIB],
    ]);
  });

  test('takes pieces that overlap for reading on', () => {
    const asked: [number, number][] = [];
    const source = new ReadAheadSource(watched(asked));
    for (let at = 0; at < 4 * MIB; at += MIB / 4) source.read(at, MIB / 4 + 22);
    expect(asked.length).toBe(2);
  });

  test('reads no more than is asked for elsewhere, and of what is small', () => {
    const asked: [number, number][] = [];
    const source = new ReadAheadSource(watched(asked));
    const pieces: [number, number][] = [
      [0, MIB],
      [5 * MIB, MIB],
      [2 * MIB, MIB],
      [3 * MIB, 16384],
      [3 * MIB + 16384, 16384],
      [9 * MIB, 0],
    ];
    for (const [offset, length] of pieces) source.read(offset, length);
    expect(asked).toEqual(pieces);
  });

  test('gives the bytes that are there, in whatever order one reads', () => {
    const source = new ReadAheadSource(bytesSource(BYTES));
    const piece = fc.record({ jump: fc.option(fc.nat(BYTES.length)), length: fc.nat(3 * MIB) });
    let at = 0;
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        for (const { jump, length: wanted } of pieces) {
          at = jump ?? at;
          const length = Math.min(wanted, BYTES.length - at);
          expect(Buffer.compare(source.read(at, length), BYTES.subarray(at, at + length))).toBe(0);
          at += length;
        }
      }),
    );
    expect(() => source.read(BYTES.length, 20_000)).toThrow('is out of range');
  });
});
