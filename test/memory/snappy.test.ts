import fc from 'fast-check';
import { compress } from 'snappyjs';
import { describe, expect, test } from 'vitest';
import { unpackSnappy } from '../../src/memory/snappy.ts';
import { repetitive } from '../support/repetitive.ts';

const unpack = (packed: readonly number[], size: number) => unpackSnappy(Uint8Array.from(packed), size);

describe('unpackSnappy', () => {
  test('undoes what another compressor does', () => {
    for (const size of [0, 1, 100, 4096, 65536]) {
      const bytes = repetitive(size);
      expect(unpackSnappy(compress(bytes), size)).toEqual(bytes);
    }
    const noise = Uint8Array.from({ length: 4096 }, (_, at) => (Math.imul(at, 0x9e3779b1) >>> 13) & 0xff);
    expect(unpackSnappy(compress(noise), 4096)).toEqual(noise);
  });

  test('reads each kind of element', () => {
    const abc = [2 << 2, 65, 66, 67];
    expect(unpack([3, ...abc], 3)).toEqual(Uint8Array.of(65, 66, 67));
    expect(unpack([3, 60 << 2, 2, 65, 66, 67], 3)).toEqual(Uint8Array.of(65, 66, 67));
    expect(unpack([3, 63 << 2, 2, 0, 0, 0, 65, 66, 67], 3)).toEqual(Uint8Array.of(65, 66, 67));
    const repeated = Uint8Array.of(65, 66, 67, 65, 66, 67, 65);
    expect(unpack([7, ...abc, 1, 3], 7)).toEqual(repeated);
    expect(unpack([7, ...abc, (3 << 2) | 2, 3, 0], 7)).toEqual(repeated);
    expect(unpack([7, ...abc, (3 << 2) | 3, 3, 0, 0, 0], 7)).toEqual(repeated);
  });

  test('gives nothing where data are cut, go on, reach outside, or have another size', () => {
    const packed = compress(repetitive(4096));
    for (let length = 0; length < packed.length; length++) {
      expect(unpackSnappy(packed.subarray(0, length), 4096)).toBeUndefined();
    }
    expect(unpackSnappy(Uint8Array.from([...packed, 0, 0]), 4096)).toBeUndefined();
    for (const size of [0, 4095, 4097]) expect(unpackSnappy(packed, size)).toBeUndefined();
    for (const offset of [0, 4, 255]) expect(unpack([7, 2 << 2, 65, 66, 67, 1, offset], 7)).toBeUndefined();
    expect(unpack([0x83, 0x80, 0x80, 0x80, 0x80, 0, 2 << 2, 65, 66, 67], 3)).toBeUndefined();
  });

  test('whatever the bytes are, the outcome is the right size or nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(127), (rest, size) => {
        expect([undefined, size]).toContain(unpackSnappy(Uint8Array.from([size, ...rest]), size)?.length);
      }),
    );
  });
});
