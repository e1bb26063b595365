import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
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

  function problemOf(name: string): InputError['problem'] {
    try {
      new FileSource(name).close();
    } catch (error) {
      if (error instanceof InputError) return error.problem;
      throw error;
    }
    throw new Error('it opened');
  }

  test('that cannot be read says why', () => {
    const missing = path.join(folder, 'missing');
    const problem = { code: 'unreadable', what: 'the dump', where: missing, because: 'no such file' };
    expect(problemOf(missing)).toEqual(problem);
    expect(problemOf(folder)).toMatchObject({ code: 'unreadable', because: 'it is a directory' });
    expect(problemOf('')).toMatchObject({ code: 'unreadable' });
    expect(problemOf('a\0b')).toMatchObject({ code: 'unreadable' });
    expect(problemOf('/dev/null')).toMatchObject({ because: expect.stringContaining('not a regular file') });
  });

  test.skipIf(process.getuid?.() === 0)('that one may not read is said to be so', () => {
    const secret = path.join(folder, 'secret');
    writeFileSync(secret, CONTENT);
    chmodSync(secret, 0);
    expect(problemOf(secret)).toMatchObject({ code: 'unreadable', because: 'permission denied' });
  });

  test.runIf(existsSync('/usr/bin/mkfifo'))('that is a pipe is not waited for', () => {
    const pipe = path.join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(problemOf(pipe)).toMatchObject({ because: expect.stringContaining('not a regular file') });
  });

  test('that shrinks while it is open is an InputError, not wrong bytes', () => {
    const shrinking = path.join(folder, 'shrinking');
    writeFileSync(shrinking, CONTENT);
    const source = new FileSource(shrinking);
    truncateSync(shrinking, 70_000);
    expect(source.read(69_000, 1000)).toEqual(CONTENT.subarray(69_000, 70_000));
    expect(() => source.read(69_500, 1000)).toThrow(/it ends at byte 70000, and had 98309 bytes/);
    expect(() => source.read(90_000, 10)).toThrow(InputError);
    source.close();
  });

  test('of a terabyte is read at the places asked for only', () => {
    const sparse = path.join(folder, 'sparse');
    writeFileSync(sparse, CONTENT);
    truncateSync(sparse, 2 ** 40);
    const source = new FileSource(sparse);
    expect(source.read(4096, 16)).toEqual(CONTENT.subarray(4096, 4112));
    expect(source.read(2 ** 40 - 16, 16)).toEqual(new Uint8Array(16));
    source.close();
  });
});
