import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blobSource } from '../../../web/reader/blob_source.ts';
import { repetitive } from '../../support/repetitive.ts';
import { BytesBlob, bytesReader } from './bytes_blob.ts';

const BYTES = repetitive(100_000);

describe('blobSource', () => {
  test('reads what is in the file, wherever one reads', () => {
    const source = blobSource(new BytesBlob(BYTES), 'vmcore', bytesReader());
    expect(source.size).toBe(BYTES.length);
    fc.assert(
      fc.property(fc.nat(BYTES.length), fc.nat(40_000), (offset, wanted) => {
        const length = Math.min(wanted, BYTES.length - offset);
        expect(Buffer.compare(source.read(offset, length), BYTES.subarray(offset, offset + length))).toBe(0);
      }),
    );
  });

  test('takes small pieces that are near one another out of one read', () => {
    const asked: number[] = [];
    const source = blobSource(new BytesBlob(BYTES), 'vmcore', bytesReader(asked));
    for (let at = 0; at < 16384; at += 8) source.read(at, 8);
    expect(asked).toEqual([16384]);
    source.read(20_000, 60_000);
    expect(asked).toEqual([16384, 60_000]);
  });

  test.each([
    [-1, 1],
    [0, 100_001],
    [100_000, 1],
    [2 ** 60, 4096],
    [0, -1],
    [Number.NaN, 1],
    [0, Number.POSITIVE_INFINITY],
  ])('refuses to read outside of the file: %d, %d', (offset, length) => {
    const source = blobSource(new BytesBlob(BYTES), 'vmcore', bytesReader());
    expect(() => source.read(offset, length)).toThrow(/^vmcore: cannot read the dump: bytes /);
  });

  test('says so when the file was changed or taken away meanwhile', () => {
    const changed = blobSource(new BytesBlob(BYTES), 'vmcore', {
      readAsArrayBuffer: () => new ArrayBuffer(7),
    });
    expect(() => changed.read(0, 8)).toThrow('7 bytes came of 16384 from 0 on: it has changed');
    const gone = blobSource(new BytesBlob(BYTES), 'vmcore', {
      readAsArrayBuffer() {
        throw new Error('A requested file or directory could not be found');
      },
    });
    expect(() => gone.read(0, 8)).toThrow(/^vmcore: cannot read the dump: A requested file/);
  });
});
