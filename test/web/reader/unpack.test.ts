import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type ByteSource, bytesSource } from '../../../src/memory/byte_source.ts';
import type { Packing } from '../../../src/memory/file_format.ts';
import { unpacked } from '../../../web/reader/unpack.ts';
import { MEGABYTE_XZ, ZSTD_22_OF_65536 } from '../../support/packed_fixtures.ts';
import { repetitive } from '../../support/repetitive.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');

const unpack = (bytes: Uint8Array, packing: Packing, limits?: { kept: number; total: number }) =>
  unpacked(bytesSource(bytes), packing, 'some.dump', () => {}, limits);

const allOf = (source: ByteSource) => Buffer.from(source.read(0, source.size));

describe('unpacked', () => {
  test.each([
    'scenarios/cores/x86_64-6.1-debian.core.gz',
    'test/data/cores/arm64-6.12.core.gz',
    'test/data/cores/x86_64-5.10-custom.ptdump.txt.gz',
  ])('gives what gzip packed: %s', async (file) => {
    const bytes = readFileSync(path.join(ROOT, file));
    expect(allOf(await unpack(bytes, 'gzip')).compare(gunzipSync(bytes))).toBe(0);
  });

  test('gives what zstd packed', async () => {
    expect(allOf(await unpack(ZSTD_22_OF_65536, 'zstd')).compare(repetitive(65536))).toBe(0);
  });

  test('tells how far it is', async () => {
    const bytes = new Uint8Array(
      gzipSync(Uint8Array.from({ length: 300_000 }, (_, at) => Math.imul(at, 40503) >> 8)),
    );
    const told: [number, number, string][] = [];
    await unpacked(bytesSource(bytes), 'gzip', 'some.dump', (...progress) => told.push(progress));
    expect(told[0]).toEqual([0, bytes.length, 'unpacking gzip']);
    expect(told.at(-1)).toEqual([bytes.length, bytes.length, 'unpacking gzip']);
  });

  test('unpacks no more than there is room for', async () => {
    const bytes = new Uint8Array(gzipSync(new Uint8Array(2 ** 22).fill(1)));
    const limits = { kept: 2 ** 20, total: 2 ** 30 };
    await expect(unpack(bytes, 'gzip', limits)).rejects.toThrow(
      'some.dump: cannot read the packed dump: it is too large: more than 1 MiB that are not zeros',
    );
    const zeros = new Uint8Array(gzipSync(new Uint8Array(2 ** 22)));
    expect((await unpack(zeros, 'gzip', limits)).size).toBe(2 ** 22);
    await expect(unpack(zeros, 'gzip', { kept: 2 ** 20, total: 2 ** 21 })).rejects.toThrow('more than 2 MiB');
  });

  test('says so when it is cut short or corrupt', async () => {
    const bytes = new Uint8Array(gzipSync(repetitive(100_000)));
    const message =
      /^some\.dump: gzip data: found .*, expected a whole gzip file; if it is one, unpack it first$/;
    await expect(unpack(bytes.subarray(0, -20), 'gzip')).rejects.toThrow(message);
    const wrong = bytes.with(bytes.length - 8, bytes.at(-8)! ^ 1);
    await expect(unpack(wrong, 'gzip')).rejects.toThrow(message);
    await expect(unpack(ZSTD_22_OF_65536.subarray(0, -3), 'zstd')).rejects.toThrow(
      'some.dump: zstd data: found an end in the middle of a frame',
    );
  });

  test('leaves xz to programs', async () => {
    await expect(unpack(MEGABYTE_XZ, 'xz')).rejects.toThrow(
      'some.dump: file format: found xz data, expected a dump that a browser reads: unpack it first',
    );
  });

  test('passes on why the file cannot be read', async () => {
    const bytes = new Uint8Array(gzipSync(repetitive(100_000)));
    const source: ByteSource = { size: bytes.length + 1, read: bytesSource(bytes).read };
    await expect(unpacked(source, 'gzip', 'some.dump', () => {})).rejects.toThrow('is out of range');
  });
});
