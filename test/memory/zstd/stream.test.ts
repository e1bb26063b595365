import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CorruptZstdError } from '../../../src/memory/zstd/corrupt.ts';
import { unpackZstd, ZstdStream } from '../../../src/memory/zstd/stream.ts';
import {
  ZSTD_1_OF_4096,
  ZSTD_22_OF_4096,
  ZSTD_22_OF_65536,
  ZSTD_PIPED_OF_4096,
} from '../../support/packed_fixtures.ts';
import { repetitive } from '../../support/repetitive.ts';

const FRAME = [0x28, 0xb5, 0x2f, 0xfd];
const bytes = (...parts: readonly number[][]) => Uint8Array.from(parts.flat());

function unpackInPieces(packed: Uint8Array, pieceSize: number): Uint8Array {
  const parts: Uint8Array[] = [];
  const stream = new ZstdStream((part) => parts.push(part));
  for (let at = 0; at < packed.length; at += pieceSize) stream.push(packed.subarray(at, at + pieceSize));
  stream.end();
  return new Uint8Array(Buffer.concat(parts));
}

describe('unpackZstd', () => {
  test('undoes what zstd does', () => {
    for (const packed of [ZSTD_1_OF_4096, ZSTD_22_OF_4096, ZSTD_PIPED_OF_4096]) {
      expect(unpackZstd(packed, 4096)).toEqual(repetitive(4096));
    }
    expect(unpackZstd(ZSTD_22_OF_65536, 65536)).toEqual(repetitive(65536));
  });

  test('unpacks frames one after another, and passes by those that are to be skipped', () => {
    const skippable = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9];
    const raw = [...FRAME, 0x20, 2, ...[(2 << 3) | 1, 0, 0], 65, 66];
    const repeated = [...FRAME, 0x20, 5, ...[(5 << 3) | 3, 0, 0], 67];
    expect(unpackZstd(bytes(skippable, raw, repeated, skippable), 7)).toEqual(
      new TextEncoder().encode('ABCCCCC'),
    );
  });

  test('gives nothing where data are cut, go on, or unpack to another size', () => {
    for (const packed of [ZSTD_22_OF_4096, ZSTD_PIPED_OF_4096]) {
      for (let length = 0; length < packed.length; length++) {
        expect(unpackZstd(packed.subarray(0, length), 4096)).toBeUndefined();
      }
      expect(unpackZstd(bytes([...packed], [0]), 4096)).toBeUndefined();
      for (const size of [0, 1, 4095, 4097]) expect(unpackZstd(packed, size)).toBeUndefined();
    }
  });

  test('is not deceived by sizes', () => {
    const frame = (...rest: number[]) => unpackZstd(bytes(FRAME, rest), 4096);
    // A content size that is not that of the blocks; a window of 3 TiB; a dictionary; reserved bits and types.
    expect(frame(0x20, 5, (2 << 3) | 1, 0, 0, 65, 66)).toBeUndefined();
    expect(frame(0x00, 0xff, 1, 0, 0)).toBeUndefined();
    expect(frame(0x21, 7, 0, 1, 0, 0)).toBeUndefined();
    expect(frame(0x28, 0, 1, 0, 0)).toBeUndefined();
    expect(frame(0x20, 0, 7, 0, 0)).toBeUndefined();
  });

  test('ends soon where sequences repeat without end', () => {
    // 98302 sequences of 65539 bytes and more in 20 bytes.
    const block = [0, 255, 0xff, 0xff, 0x54, 0, 0, 52, 1];
    const packed = bytes(FRAME, [0xa0, 0, 16, 0, 0], [(block.length << 3) | 5, 0, 0], block);
    const before = performance.now();
    expect(unpackZstd(packed, 4096)).toBeUndefined();
    expect(performance.now() - before).toBeLessThan(2000);
  });

  test('any bytes changed give the right size or nothing', () => {
    const files = [ZSTD_1_OF_4096, ZSTD_22_OF_4096, ZSTD_PIPED_OF_4096];
    const edits = fc.array(fc.tuple(fc.nat(1000), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...files), edits, (file, changes) => {
        const packed = file.slice();
        for (const [at, value] of changes) packed[at % packed.length] = value;
        expect([undefined, 4096]).toContain(unpackZstd(packed, 4096)?.length);
      }),
      { numRuns: 500 },
    );
  });
});

describe('ZstdStream', () => {
  test('takes data in pieces of any size', () => {
    for (const size of [1, 2, 7, 100, 5000]) {
      expect(unpackInPieces(ZSTD_22_OF_65536, size)).toEqual(repetitive(65536));
    }
  });

  test('keeps the window while much passes through it', () => {
    // 300 blocks of 1000 bytes in a window of 1 KiB, each but the first a match 1000 bytes back.
    const first = Uint8Array.from({ length: 1000 }, (_, at) => at * 7);
    const raw = [(1000 << 3) & 0xff, (1000 << 3) >> 8, 0, ...first];
    // One sequence: no literals, offset 1000 + 3, a match of 1000 bytes, in tables of one symbol each.
    const stream = ((1003 - 512) << 9) | (1000 - 515) | (1 << 18);
    const block = [0, 1, 0x54, 0, 9, 45, stream & 0xff, (stream >> 8) & 0xff, stream >> 16];
    const match = (last: number) => [(block.length << 3) | 4 | last, 0, 0, ...block];
    const middle = Array.from({ length: 298 }, () => match(0)).flat();
    const unpacked = unpackInPieces(bytes(FRAME, [0, 0], raw, middle, match(1)), 777);
    expect(unpacked).toHaveLength(300_000);
    expect(Buffer.compare(unpacked.subarray(299_000), first)).toBe(0);
  });

  test('says what is wrong', () => {
    const stream = new ZstdStream(() => {});
    expect(() => stream.push(new Uint8Array(8))).toThrow(CorruptZstdError);
    const cut = new ZstdStream(() => {});
    cut.push(ZSTD_1_OF_4096.subarray(0, 100));
    expect(() => cut.end()).toThrow('an end in the middle of a frame');
  });
});
