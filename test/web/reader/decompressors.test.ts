import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeDecompressors } from '../../../src/memory/sources/decompress.ts';
import { browserDecompressors } from '../../../web/reader/decompressors.ts';
import { LZO1X_1_OF_4096, ZSTD_1_OF_4096 } from '../../support/packed_fixtures.ts';
import { repetitive } from '../../support/repetitive.ts';

const PAGE = repetitive(4096);
const PACKED = new Uint8Array(deflateSync(PAGE));
const { zlib } = browserDecompressors;

/** Equal bytes are compared as such: what they are views of differs. */
const plain = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('hex');

describe('browserDecompressors', () => {
  test('unpack what makedumpfile packs', () => {
    expect(zlib(PACKED, 4096)).toEqual(PAGE);
    expect(browserDecompressors.lzo(LZO1X_1_OF_4096, 4096)).toEqual(PAGE);
    expect(browserDecompressors.zstd(ZSTD_1_OF_4096, 4096)).toEqual(PAGE);
  });

  test('agree with zlib on any bytes of any size, at every level', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300_000, size: 'max' }),
        fc.integer({ min: 0, max: 9 }),
        (bytes, level) => {
          const packed = new Uint8Array(deflateSync(bytes, { level }));
          expect(plain(zlib(packed, bytes.length))).toBe(plain(bytes));
        },
      ),
      { numRuns: 50 },
    );
  });

  test('give nothing where less or more is in it', () => {
    for (const size of [0, 1, 4095, 4097, 65536]) expect(zlib(PACKED, size)).toBeUndefined();
  });

  test('are not made to take more memory by what is packed', () => {
    const bomb = new Uint8Array(deflateSync(new Uint8Array(2 ** 26)));
    expect(zlib(bomb, 4096)).toBeUndefined();
  });

  test('give of what is corrupt what zlib gives, which a checksum may fail to notice', () => {
    const change = fc.tuple(fc.nat(PACKED.length - 1), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const broken = PACKED.slice();
        for (const [at, bits] of changes) broken[at]! ^= bits;
        const given = zlib(broken, 4096);
        const expected = nodeDecompressors.zlib(broken, 4096);
        // Where only a code is broken that nothing uses, zlib gives nothing, and the package the page.
        if (expected !== undefined || given !== undefined) expect(plain(given)).toBe(plain(expected ?? PAGE));
      }),
      { numRuns: 2000 },
    );
    for (let length = 0; length < PACKED.length; length++) {
      expect(zlib(PACKED.subarray(0, length), 4096)).toBeUndefined();
    }
  });
});
