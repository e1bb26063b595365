import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/errors.ts';
import { bytesSource } from '../../src/memory/byte_source.ts';
import { PAGE_SIZE } from '../../src/memory/physical_memory.ts';
import { type RawLayout, RawMemory } from '../../src/memory/raw_memory.ts';
import { repetitive } from '../support/repetitive.ts';

const bytes = repetitive(10 * PAGE_SIZE);
const page = (number: number) => bytes.slice(number * PAGE_SIZE, (number + 1) * PAGE_SIZE);
const open = (layout?: RawLayout) => new RawMemory(bytesSource(bytes), 'test.raw', layout);

describe('RawMemory', () => {
  test('is the file from address 0 on, little-endian and of no known machine, if nothing else is said', () => {
    const memory = open();
    expect(memory.ranges).toMatchObject([{ start: 0, size: 10 * PAGE_SIZE }]);
    expect(memory.littleEndian).toBe(true);
    expect(memory.machine).toBeUndefined();
    for (let pfn = 0; pfn < 10; pfn++) expect(memory.readFrame(pfn)).toEqual(page(pfn));
    for (const pfn of [10, -1, 2 ** 41, Number.NaN]) expect(memory.readFrame(pfn)).toBeUndefined();
  });

  test('has its segments where the layout says', () => {
    const segments = [
      { physical: 0x1_0000_0000, offset: 4 * PAGE_SIZE },
      { physical: 0x8000, offset: 0, size: 2 * PAGE_SIZE + 100 },
    ];
    const memory = open({ segments, littleEndian: false, machine: 22 });
    expect([memory.littleEndian, memory.machine]).toEqual([false, 22]);
    expect(memory.ranges).toMatchObject([
      { start: 0x8000, size: 2 * PAGE_SIZE + 100 },
      { start: 0x1_0000_0000, size: 6 * PAGE_SIZE },
    ]);
    expect(memory.readFrame(9)).toEqual(page(1));
    expect(memory.readFrame(10)!.subarray(0, 100)).toEqual(page(2).subarray(0, 100));
    expect(memory.readFrame(10)!.subarray(100)).toEqual(new Uint8Array(PAGE_SIZE - 100));
    expect(memory.readFrame(0x10_0005)).toEqual(page(9));
  });

  test('gives ranges of any size, with zeros for what is missing', () => {
    const memory = open({
      segments: [
        { physical: 100, offset: 0, size: 50 },
        { physical: 200, offset: 50, size: 50 },
      ],
    });
    const expected = new Uint8Array(200);
    expected.set(bytes.subarray(0, 50), 50);
    expected.set(bytes.subarray(50, 100), 150);
    expect(memory.readRange(50, 200)).toEqual(expected);
    expect(memory.readRange(150, 50)).toBeUndefined();
    expect(memory.readRange(250, 1000)).toBeUndefined();
  });

  test('refuses segments that are not in the file, or nowhere in memory', () => {
    const size = bytes.length;
    for (const [segment, message] of [
      [{ physical: 0, offset: size + 1 }, `offset of a segment ${size + 1} is out of range`],
      [{ physical: 0, offset: -1 }, 'offset of a segment -1'],
      [{ physical: 0, offset: 1, size }, `size of a segment ${size}`],
      [{ physical: 0, offset: 0, size: Number.NaN }, 'size of a segment NaN'],
      [{ physical: 0, offset: 0.5 }, 'offset of a segment 0.5'],
      [{ physical: -4096, offset: 0 }, 'physical address of a segment -4096'],
      [{ physical: 2 ** 53 - 1, offset: 0 }, 'physical address of a segment'],
    ] as const) {
      expect(() => open({ segments: [segment] })).toThrow(InputError);
      expect(() => open({ segments: [segment] })).toThrow(message);
    }
  });
});
