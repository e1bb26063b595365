import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/errors.ts';
import { bytesSource } from '../../src/memory/byte_source.ts';
import { FlattenedSource } from '../../src/memory/flattened.ts';
import { flatten, flattenWrites } from '../support/kdump_writer.ts';
import { repetitive } from '../support/repetitive.ts';

const open = (bytes: Uint8Array) => new FlattenedSource(bytesSource(bytes), 'test.flat');

function problemOf(bytes: Uint8Array): string {
  try {
    open(bytes);
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  throw new Error('it opened');
}

const write = fc.record({
  offset: fc.nat(200),
  bytes: fc.uint8Array({ maxLength: 60 }),
});

describe('FlattenedSource', () => {
  test('is the file that the writes make, and of two writes the later is believed', () => {
    fc.assert(
      fc.property(fc.array(write, { maxLength: 20 }), fc.nat(300), fc.nat(100), (writes, offset, length) => {
        const size = Math.max(
          0,
          ...writes.map(({ offset, bytes }) => (bytes.length ? offset + bytes.length : 0)),
        );
        const file = new Uint8Array(size);
        for (const { offset, bytes } of writes) file.set(bytes, bytes.length ? offset : 0);
        const source = open(flattenWrites(writes));
        expect(source.size).toBe(size);
        expect(source.read(0, size)).toEqual(file);
        if (offset + length <= size)
          expect(source.read(offset, length)).toEqual(file.slice(offset, offset + length));
        else expect(() => source.read(offset, length)).toThrow(InputError);
      }),
    );
  });

  test('reads what QEMU writes: many pieces, and the header once more at the end', () => {
    const file = repetitive(300_000);
    const source = open(flatten(file, 37));
    expect(source.read(0, file.length)).toEqual(file);
    expect(source.read(12_345, 10)).toEqual(file.slice(12_345, 12_355));
  });

  test('reads a file of a petabyte that is nearly all holes', () => {
    const source = open(flattenWrites([{ offset: 2 ** 50, bytes: Uint8Array.of(1, 2, 3) }]));
    expect(source.size).toBe(2 ** 50 + 3);
    expect(source.read(2 ** 50 - 2, 4)).toEqual(Uint8Array.of(0, 0, 1, 2));
  });

  test('says at which byte a file that ends early ends', () => {
    const whole = flattenWrites([{ offset: 0, bytes: new Uint8Array(100) }]);
    expect(problemOf(whole.subarray(0, whole.length - 16))).toMatch(
      /record at 4212: found 0 bytes.*incomplete/,
    );
    expect(problemOf(whole.subarray(0, whole.length - 1))).toMatch(
      /record at 4212: found 15 bytes.*incomplete/,
    );
    expect(problemOf(whole.subarray(0, 4150))).toMatch(
      /record at 4096: found 100 bytes.*the 38 that follow.*incomplete/,
    );
    expect(problemOf(whole.subarray(0, 4000))).toMatch(/header of the flattened dump: found 4000 bytes/);
    expect(open(whole).size).toBe(100);
  });

  test('refuses numbers that make no sense', () => {
    for (const [offset, size] of [
      [-2n, 10n],
      [-1n, 0n],
      [0n, -1n],
      [2n ** 63n - 1n, 1n],
      [2n ** 53n - 1n, 1n],
    ] as const) {
      const file = flattenWrites([{ offset: 0, bytes: new Uint8Array(64) }]);
      const view = new DataView(file.buffer);
      view.setBigInt64(4096, offset);
      view.setBigInt64(4104, size);
      expect(problemOf(file)).toMatch(/record at 4096: found .*expected numbers of 53 bits/);
    }
    const version = flattenWrites([]);
    version[31] = 2;
    expect(problemOf(version)).toMatch('type 1, version 2, expected type 1, version 1');
  });

  test('refuses more records than it can hold, and says who can', () => {
    const one = flattenWrites([{ offset: 0, bytes: Uint8Array.of(1) }]).subarray(4096, 4113);
    const size = 2 ** 21 + 1;
    const file = new Uint8Array(4096 + size * one.length);
    file.set(flattenWrites([]).subarray(0, 4096));
    file.set(one, 4096);
    file.copyWithin(4096 + 17, 4096, 4096 + 17 * (size - 1));
    for (let filled = 17; filled < 17 * size; filled *= 2)
      file.copyWithin(4096 + filled, 4096, 4096 + filled);
    expect(problemOf(file)).toMatch(/number of records: found more than 2097152.*makedumpfile -R/);
  });
});
