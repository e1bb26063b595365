import { describe, expect, test } from 'vitest';
import { bytesSource } from '../../src/memory/byte_source.ts';
import { findVmcoreinfoInMemory } from '../../src/memory/find_vmcoreinfo.ts';
import type { MachineMemory } from '../../src/memory/machine_memory.ts';
import { MemoryWith } from '../../src/memory/memory_with.ts';
import { PAGE_SIZE } from '../../src/memory/physical_memory.ts';
import { RawMemory } from '../../src/memory/raw_memory.ts';
import { findVmcoreinfo } from '../../src/memory/sources/open_memory.ts';

const TEXT = 'OSRELEASE=6.1.0\nBUILD-ID=1234\nPAGESIZE=4096\n';
const MEMORY_SIZE = 9 * 2 ** 20;

function noteOf(text: string, littleEndian = true): Uint8Array {
  const note = new Uint8Array(24 + text.length);
  const view = new DataView(note.buffer);
  view.setUint32(0, 11, littleEndian);
  view.setUint32(4, text.length, littleEndian);
  note.set(new TextEncoder().encode('VMCOREINFO'), 12);
  note.set(new TextEncoder().encode(text), 24);
  return note;
}

function memoryWith(placed: readonly [number, Uint8Array][], littleEndian = true): RawMemory {
  const bytes = new Uint8Array(MEMORY_SIZE);
  for (const [at, part] of placed) bytes.set(part, at);
  return new RawMemory(bytesSource(bytes), 'test', { littleEndian });
}

/** The same memory, of which only frames can be had, and not the frames in `holes`. */
function framesOf(memory: MachineMemory, holes: readonly number[] = []): MachineMemory {
  const { kind, machine, littleEndian, vmcoreinfo, cpus, ranges, leftOut } = memory;
  const readFrame = (pfn: number) => (holes.includes(pfn) ? undefined : memory.readFrame(pfn));
  return { kind, machine, littleEndian, vmcoreinfo, cpus, ranges, leftOut, readFrame };
}

describe('findVmcoreinfoInMemory', () => {
  test('finds the note wherever it lies, also across pages and across windows', () => {
    const places = [
      0,
      5000,
      PAGE_SIZE - 12,
      PAGE_SIZE - 13,
      PAGE_SIZE - 30,
      2 ** 18 - 12,
      2 ** 18 - 34,
      2 ** 22 - 12,
      2 ** 22 - 13,
      2 ** 22 - 34,
    ];
    for (const at of [...places, 2 ** 23 + 77, MEMORY_SIZE - 24 - TEXT.length]) {
      const memory = memoryWith([[at, noteOf(TEXT)]]);
      for (const each of [memory, framesOf(memory)]) {
        expect(findVmcoreinfo(each)?.text).toBe(TEXT);
        expect(findVmcoreinfoInMemory(each)?.text).toBe(TEXT);
      }
    }
  });

  test('tells the byte order of the machine, whatever that of the file', () => {
    for (const littleEndian of [true, false]) {
      for (const file of [true, false]) {
        const memory = memoryWith([[4096, noteOf(TEXT, littleEndian)]], file);
        const vmcoreinfo = findVmcoreinfo(memory);
        expect(vmcoreinfo).toMatchObject({ text: TEXT, littleEndian });
        expect(new MemoryWith(memory, { vmcoreinfo: vmcoreinfo! }).littleEndian).toBe(littleEndian);
      }
    }
  });

  test('believes the first of several, and none that has no header', () => {
    const stray = noteOf('OSRELEASE=stray\n').subarray(12);
    const memory = memoryWith([
      [100, stray],
      [0x10_0000, noteOf('OSRELEASE=first\n')],
      [0x20_0000, noteOf('OSRELEASE=second\n')],
    ]);
    expect(findVmcoreinfo(memory)?.release).toBe('first');
    expect(findVmcoreinfo(memoryWith([[0, stray]]))).toBeUndefined();
    const huge = noteOf(TEXT);
    new DataView(huge.buffer).setUint32(4, 2 ** 31, true);
    expect(findVmcoreinfo(memoryWith([[0, huge]]))).toBeUndefined();
  });

  test('passes by what is not there', () => {
    const memory = memoryWith([[0x20_0000, noteOf(TEXT)]]);
    expect(findVmcoreinfo(framesOf(memory, [0, 1, 0x1ff]))?.text).toBe(TEXT);
    expect(findVmcoreinfo(framesOf(memory, [0x200]))).toBeUndefined();
    expect(findVmcoreinfo(memoryWith([]))).toBeUndefined();
    expect(findVmcoreinfo({ ...framesOf(memory), ranges: [] })).toBeUndefined();
  });

  test('says how far it is', () => {
    const seen: number[] = [];
    findVmcoreinfo(memoryWith([]), (done, total) => seen.push(done / total));
    expect(seen).toEqual(Array.from({ length: 37 }, (_, window) => window / 36));
  });
});
