import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InputError } from '../../../src/errors.ts';
import { FileSource } from '../../../src/memory/sources/file_source.ts';

/** Longer than a block of 64 KiB by half of one and some bytes, so that it ends within a word. */
const SIZE = 98304 + 5;
const CONTENT = Uint8Array.from({ length: SIZE }, (_, index) => (index * 7919) >>> 3);

let folder: string;
let file: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'directmap-test-'));
  file = path.join(folder, 'content');
  writeFileSync(file, CONTENT);
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('a file', () => {
  test('gives the same bytes in whatever pieces, sizes and order it is read', () => {
    const piece = fc.tuple(fc.nat(SIZE), fc.constantFrom(0, 1, 8, 24, 100, 4096, 4097, 70000), fc.boolean());
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const source = new FileSource(file);
        let last = 0;
        const read = pieces.map(([anywhere, most, nearLast]) => {
          // Near the piece before, as tables are, or anywhere.
          const offset = nearLast ? Math.min(SIZE, last + (anywhere % 9000)) : anywhere;
          last = offset;
          const length = Math.min(most, SIZE - offset);
          return { offset, length, bytes: source.read(offset, length) };
        });
        source.close();
        // Compared at the end: what was given stays as it was.
        for (const { offset, length, bytes } of read) {
          expect(Buffer.compare(bytes, CONTENT.subarray(offset, offset + length))).toBe(0);
        }
      }),
    );
  });

  test('gives pieces that begin at multiples of 8 of it as words, in the block or outside', () => {
    const source = new FileSource(file);
    for (const offset of [24, 32, 4096, 65528, 70000]) {
      for (let time = 0; time < 3; time++) {
        expect(source.read(offset + time * 8, 24).byteOffset % 8).toBe(0);
        expect(source.read(offset + time * 8 + 1, 3)).toHaveLength(3);
      }
    }
    source.close();
  });

  test('is not read beyond its end, nor once it is closed', () => {
    const source = new FileSource(file);
    expect(source.read(SIZE - 3, 3)).toEqual(CONTENT.subarray(SIZE - 3));
    expect(() => source.read(SIZE - 3, 4)).toThrow(InputError);
    expect(() => source.read(-1, 4)).toThrow(/not within its 98309 bytes/);
    source.close();
    source.close();
    expect(() => source.read(0, 4)).toThrow(/content: cannot read the dump: it was closed/);
  });
});
