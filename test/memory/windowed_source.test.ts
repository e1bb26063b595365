import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InputError } from '../../src/errors.ts';
import { bytesSource } from '../../src/memory/byte_source.ts';
import { WindowedSource } from '../../src/memory/windowed_source.ts';
import { repetitive } from '../support/repetitive.ts';

const bytes = repetitive(100_000);

test('a windowed source gives the same bytes, and refuses the same', () => {
  const source = new WindowedSource(bytesSource(bytes));
  fc.assert(
    fc.property(
      fc.integer({ min: -5, max: 100_010 }),
      fc.oneof(fc.nat(100), fc.nat(40_000)),
      (offset, length) => {
        if (offset >= 0 && offset + length <= bytes.length) {
          expect(Buffer.compare(source.read(offset, length), bytes.subarray(offset, offset + length))).toBe(
            0,
          );
        } else expect(() => source.read(offset, length)).toThrow(InputError);
      },
    ),
  );
});

test('a windowed source reads neighbours once', () => {
  let reads = 0;
  const source = new WindowedSource({
    size: bytes.length,
    read(offset, length) {
      reads++;
      return bytes.subarray(offset, offset + length);
    },
  });
  for (let at = 0; at < 30_000; at += 24) source.read(at, 24);
  expect(reads).toBe(2);
});
