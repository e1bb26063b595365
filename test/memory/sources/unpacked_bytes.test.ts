import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UnpackedBytes, type UnpackLimits } from '../../../src/memory/sources/unpacked_bytes.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'directmap-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const DESCRIPTORS = '/proc/self/fd';
const openDescriptors = () => (existsSync(DESCRIPTORS) ? readdirSync(DESCRIPTORS).length : 0);
const limits = (changed: Partial<UnpackLimits> = {}): UnpackLimits => ({
  memory: 10_000,
  total: 2 ** 40,
  directory,
  spare: 0,
  ...changed,
});

describe('UnpackedBytes', () => {
  test('keeps what it is given, in memory or in a file without a name, with holes for zeros', () => {
    for (const memory of [0, 10_000, 2 ** 30]) {
      const pieces = [3, 4096, 0, 9000, 20_000, 50_000, 8192, 1].map((size, index) =>
        new Uint8Array(size).fill(index % 3 === 0 ? index + 1 : 0).fill(9, 100, 102),
      );
      const unpacked = new UnpackedBytes('test', limits({ memory }));
      for (const piece of pieces) unpacked.append(piece);
      const source = unpacked.finish();
      const whole = new Uint8Array(Buffer.concat(pieces));
      expect(source.size).toBe(whole.length);
      expect(Buffer.compare(source.read(0, whole.length), whole)).toBe(0);
      expect(readdirSync(directory)).toEqual([]);
      source.close();
      source.close();
    }
  });

  test('ends in zeros that were never written', () => {
    const unpacked = new UnpackedBytes('test', limits());
    for (let round = 0; round < 100; round++) unpacked.append(new Uint8Array(2 ** 20));
    const source = unpacked.finish();
    expect(source.size).toBe(100 * 2 ** 20);
    expect(source.read(source.size - 2, 2)).toEqual(new Uint8Array(2));
    source.close();
  });

  test('refuses more than its limits, and says which', () => {
    const few = new UnpackedBytes('test', limits({ total: 100 }));
    few.append(new Uint8Array(100));
    expect(() => few.append(new Uint8Array(1))).toThrow(/test: cannot read .*too large: more than 100 bytes/);

    const full = new UnpackedBytes('test', limits({ spare: 2 ** 60 }));
    expect(() => full.append(new Uint8Array(20_000).fill(1))).toThrow(/too large: .* has no room for it/);
    full.close();
    const zeros = new UnpackedBytes('test', limits({ spare: 2 ** 60 }));
    zeros.append(new Uint8Array(20_000));
    zeros.finish().close();

    const nowhere = new UnpackedBytes('test', limits({ directory: path.join(directory, 'missing') }));
    expect(() => nowhere.append(new Uint8Array(20_000))).toThrow(
      /no temporary file in .*missing: no such file/,
    );
  });

  test('leaves no descriptor behind', () => {
    const before = openDescriptors();
    const given = new UnpackedBytes('test', limits());
    given.append(new Uint8Array(20_000));
    given.close();
    given.close();
    const finished = new UnpackedBytes('test', limits());
    finished.append(new Uint8Array(20_000));
    finished.finish().close();
    expect(openDescriptors()).toBe(before);
  });
});
