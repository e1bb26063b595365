import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { InputError } from '../../../src/errors.ts';
import { openKcore } from '../../../src/memory/sources/kcore.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'kcore-'));
const file = path.join(folder, 'kcore');
afterAll(() => rmSync(folder, { recursive: true }));

const NOWHERE = 2n ** 64n - 1n;
const DATA = 0x1000n;

interface Load {
  virtual: bigint;
  physical: bigint;
  size: bigint;
  offset: bigint;
}

/** As fs/proc/kcore.c lays it out: a PT_NOTE, then a PT_LOAD for each part. Bytes at `DATA` count up by frames. */
function writeKcore(loads: readonly Load[], machine = 62, entrySize = 56): void {
  const bytes = new Uint8Array(0x6000);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 4, true);
  view.setUint16(18, machine, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, entrySize, true);
  view.setUint16(56, loads.length + 1, true);
  const note = new TextEncoder().encode('VMCOREINFO\0\0OSRELEASE=6.1.0\n');
  const noteOffset = 0xc00;
  view.setUint32(noteOffset, 11, true);
  view.setUint32(noteOffset + 4, note.length - 12, true);
  bytes.set(note, noteOffset + 12);
  const set = (at: number, type: number, offset: bigint, virtual: bigint, physical: bigint, size: bigint) => {
    view.setUint32(at, type, true);
    for (const [index, word] of [offset, virtual, physical, size, size].entries()) {
      view.setBigUint64(at + 8 + 8 * index, word, true);
    }
  };
  set(64, 4, BigInt(noteOffset), 0n, 0n, BigInt(12 + note.length));
  for (const [index, { virtual, physical, size, offset }] of loads.entries()) {
    set(64 + entrySize * (index + 1), 1, offset, virtual, physical, size);
  }
  for (let frame = 1; frame < 6; frame++) bytes.fill(frame, frame * 4096, (frame + 1) * 4096);
  writeFileSync(file, bytes);
}

const image = { virtual: 0xffffffff81000000n, size: 0x2000n, offset: 2n ** 56n };
const vmalloc = { virtual: 0xffffc90000000000n, physical: NOWHERE, size: 2n ** 45n, offset: 2n ** 46n };

function problem(): string {
  try {
    openKcore(file).close();
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  throw new Error('it opened');
}

describe('openKcore', () => {
  test('reads physical memory where the kernel says what is where', () => {
    writeKcore([
      { ...image, physical: 0x1000000n },
      vmalloc,
      { virtual: 0xffff888000001000n, physical: 0x1000n, size: 0x2000n, offset: DATA },
      { virtual: 0xffff888100000000n, physical: 0x100000000n, size: 0x1000n, offset: DATA + 0x3000n },
    ]);
    const { memory, close } = openKcore(file);
    expect(memory.machine).toBe(62);
    expect(memory.vmcoreinfo?.release).toBe('6.1.0');
    expect(memory.ranges.map(({ start, size }) => [start, size])).toEqual([
      [0x1000, 0x2000],
      [0x100000000, 0x1000],
    ]);
    expect([1, 2, 0x100000].map((pfn) => memory.readFrame(pfn)?.[9])).toEqual([1, 2, 4]);
    for (const pfn of [0, 3, 0x1000, -1, Number.NaN]) expect(memory.readFrame(pfn)).toBeUndefined();
    close();
    close();
    expect(() => memory.readFrame(1)).toThrow('it was closed');
  });

  test('finds the direct map where an old kernel gives no physical addresses', () => {
    for (const physical of [0n, NOWHERE]) {
      writeKcore([
        { ...image, physical },
        { ...vmalloc, physical },
        { virtual: 0xffff880000100000n, physical, size: 0x1000n, offset: DATA + 0x2000n },
        { virtual: 0xffff880000001000n, physical, size: 0x2000n, offset: DATA },
      ]);
      const { memory, close } = openKcore(file);
      expect([1, 2, 0x100].map((pfn) => memory.readFrame(pfn)?.[9])).toEqual([1, 2, 3]);
      expect(memory.ranges.map(({ start }) => start)).toEqual([0x1000, 0x100000]);
      close();
    }
  });

  test('does not guess where the direct map is', () => {
    const high = { virtual: 0xffff8880c4000000n, physical: 0n, size: 0x1000n, offset: DATA };
    writeKcore([high]);
    expect(problem()).toContain('found no physical address, expected those that kernels since v4.12 give');
    writeKcore([{ ...high, virtual: 0xffff000000000000n }], 183);
    expect(problem()).toContain('found no physical address');
  });

  test('says what is wrong with a file that is something else', () => {
    writeFileSync(file, 'hello');
    expect(problem()).toContain('it has nothing at byte 5');
    writeFileSync(file, 'x'.repeat(100));
    expect(problem()).toContain('file format: found 78 78 78 78');
    writeKcore([]);
    expect(problem()).toContain('found no physical address');
    rmSync(file);
    expect(problem()).toContain('this kernel is built without CONFIG_PROC_KCORE');
    expect(() => openKcore(folder)).toThrow(InputError);
    expect(() => openKcore('/dev/null')).toThrow('it has nothing at byte 0');
  });

  test('opens that of this machine, or says why not', () => {
    try {
      const { memory, close } = openKcore();
      expect(memory.ranges.length).toBeGreaterThan(0);
      close();
    } catch (error) {
      expect(error).toBeInstanceOf(InputError);
      if (!existsSync('/proc/kcore')) expect(String(error)).toContain('CONFIG_PROC_KCORE');
    }
  });
});
