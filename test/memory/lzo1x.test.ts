import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unpackLzo1x } from '../../src/memory/lzo1x.ts';
import { LZO1X_1_OF_4096, LZO1X_999_OF_4096, LZO1X_999_OF_65536 } from '../support/packed_fixtures.ts';
import { repetitive } from '../support/repetitive.ts';

const END = [17, 0, 0];
const unpack = (packed: readonly number[], size: number) => unpackLzo1x(Uint8Array.from(packed), size);

describe('unpackLzo1x', () => {
  test('undoes what liblzo2 does', () => {
    expect(unpackLzo1x(LZO1X_1_OF_4096, 4096)).toEqual(repetitive(4096));
    expect(unpackLzo1x(LZO1X_999_OF_4096, 4096)).toEqual(repetitive(4096));
    expect(unpackLzo1x(LZO1X_999_OF_65536, 65536)).toEqual(repetitive(65536));
  });

  test('reads each kind of instruction', () => {
    expect(unpack([18, 65, ...END], 1)).toEqual(Uint8Array.of(65));
    const four = [21, 1, 2, 3, 4];
    expect(unpack([...four, ...END], 4)).toEqual(Uint8Array.of(1, 2, 3, 4));
    // Literals: 0 is "15 and what follows", of which each 0 is 255.
    expect(unpack([1, 1, 2, 3, 4, ...END], 4)).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(unpack([0, 0, 2, ...new Array(275).fill(7), ...END], 275)).toEqual(new Uint8Array(275).fill(7));
    // Matches of 3..8 bytes not far back, and the literals after them.
    expect(unpack([...four, 0b01_1_011_01, 0, 9, ...END], 9)).toEqual(
      Uint8Array.of(1, 2, 3, 4, 1, 2, 3, 4, 9),
    );
    expect(unpack([...four, 0b1_11_000_00, 0, ...END], 12)).toEqual(
      Uint8Array.of(1, 2, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4),
    );
    // Two bytes, after fewer than four literals.
    expect(unpack([18, 5, 0b0000_00_00, 0, ...END], 3)).toEqual(Uint8Array.of(5, 5, 5));
    // Three bytes, 2049 back at least, after four literals or more.
    const long = repetitive(2060);
    const run = [0, ...new Array(8).fill(0), 2060 - 18 - 8 * 255, ...long];
    const far = unpack([...run, 0b0000_01_00, 1, ...END], 2063)!;
    expect(far.subarray(2060)).toEqual(long.subarray(2060 - 2054, 2060 - 2051));
    // Up to 16384 back; and from 16384 on.
    expect(unpack([...run, 36, 2059 << 2, (2059 << 2) >> 8, ...END], 2066)!.subarray(2060)).toEqual(
      long.subarray(0, 6),
    );
  });

  test('gives nothing where the stream is cut, goes on, reaches outside, or has another size', () => {
    const packed = LZO1X_999_OF_4096;
    for (let length = 0; length < packed.length; length++) {
      expect(unpackLzo1x(packed.subarray(0, length), 4096)).toBeUndefined();
    }
    expect(unpackLzo1x(Uint8Array.from([...packed, 0]), 4096)).toBeUndefined();
    for (const size of [0, 1, 4095, 4097]) expect(unpackLzo1x(packed, size)).toBeUndefined();
    expect(unpack([18, 65, 0b01_0_111_00, 200, ...END], 4)).toBeUndefined();
    expect(unpack([0, 0, 0, 0, 0], 4096)).toBeUndefined();
    expect(unpack([], 0)).toBeUndefined();
  });

  test('whatever the bytes are, the outcome is the right size or nothing', () => {
    const stream = fc.array(fc.oneof(fc.constantFrom(0, 1, 17, 18, 32, 64, 255), fc.nat(255)), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(stream, fc.nat(300), (packed, size) => {
        const bytes = unpack(packed, size);
        if (bytes !== undefined) expect(bytes).toHaveLength(size);
      }),
    );
  });
});
