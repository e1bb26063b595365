import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createMemblock,
  for_each_free_mem_range,
  type Memblock,
  memblock_add,
  memblock_find_in_range,
  memblock_is_region_memory,
  memblock_phys_alloc_range,
  memblock_phys_free,
  memblock_reserve,
  memblock_trim_memory,
} from '../../../src/linux/mm/memblock.ts';

function memory(...ranges: [start: number, end: number][]): Memblock {
  const memblock = createMemblock();
  for (const [start, end] of ranges) memblock_add(memblock, start, end - start);
  return memblock;
}

describe('the lists', () => {
  it('merge what overlaps and what touches', () => {
    const memblock = memory([0x5000, 0x6000], [0x1000, 0x2000], [0x2000, 0x5800]);
    expect(memblock.memory).toEqual([{ start: 0x1000, end: 0x6000 }]);
  });

  it('ignore an empty range', () => {
    expect(memory([0x1000, 0x1000]).memory).toEqual([]);
  });

  it('lose what is freed, and keep both sides', () => {
    const memblock = memory();
    memblock_reserve(memblock, 0x1000, 0x9000);
    memblock_phys_free(memblock, 0x4000, 0x1000);
    expect(memblock.reserved).toEqual([
      { start: 0x1000, end: 0x4000 },
      { start: 0x5000, end: 0xa000 },
    ]);
  });

  it('are trimmed to whole pages after merging, so that two halves of a page make one', () => {
    const memblock = memory([0x1800, 0x2400], [0x2400, 0x3800], [0x9100, 0x9f00]);
    memblock_trim_memory(memblock, 0x1000);
    expect(memblock.memory).toEqual([{ start: 0x2000, end: 0x3000 }]);
  });
});

describe('memblock_is_region_memory', () => {
  it('wants one region to have it all', () => {
    const memblock = memory([0x1000, 0x5000], [0x6000, 0x9000]);
    expect(memblock_is_region_memory(memblock, 0x1000, 0x4000)).toBe(true);
    expect(memblock_is_region_memory(memblock, 0x4000, 0x3000)).toBe(false);
    expect(memblock_is_region_memory(memblock, 0x8000, 0x2000)).toBe(false);
  });
});

describe('memblock_phys_alloc_range', () => {
  it('takes the highest place, aligned', () => {
    const memblock = memory([0x1000, 0x9800]);
    expect(memblock_phys_alloc_range(memblock, 0x1000, 0x1000, 0, 0x20000)).toBe(0x8000);
    expect(memblock_phys_alloc_range(memblock, 0x2000, 0x4000, 0, 0x20000)).toBe(0x4000);
    expect(memblock.reserved).toEqual([
      { start: 0x4000, end: 0x6000 },
      { start: 0x8000, end: 0x9000 },
    ]);
  });

  it('takes the lowest place if told bottom-up', () => {
    const memblock = memory([0x1000, 0x9000]);
    memblock.bottom_up = true;
    expect(memblock_phys_alloc_range(memblock, 0x1000, 0x4000, 0, 0x20000)).toBe(0x4000);
  });

  it('never gives the first page, for 0 means failure', () => {
    expect(memblock_phys_alloc_range(memory([0, 0x1000]), 0x1000, 0x1000, 0, 0x1000)).toBe(0);
  });

  it('fails in an empty range', () => {
    expect(memblock_find_in_range(memory([0, 0x9000]), 0x5000, 0x3000, 0x1000, 0x1000)).toBe(0);
  });

  it('gives only free memory within the bounds, each byte once', () => {
    const range = fc.tuple(fc.nat(63), fc.integer({ min: 1, max: 8 }));
    fc.assert(
      fc.property(fc.array(range), fc.array(range), fc.boolean(), (add, reserve, bottom_up) => {
        const memblock = createMemblock();
        memblock.bottom_up = bottom_up;
        for (const [start, size] of add) memblock_add(memblock, start * 0x1000, size * 0x1000);
        for (const [start, size] of reserve) memblock_reserve(memblock, start * 0x1000, size * 0x1000);
        const free = for_each_free_mem_range(memblock);
        const pages = free
          .flatMap(({ start, end }) =>
            Array.from({ length: (end - start) / 0x1000 }, (_, i) => start / 0x1000 + i),
          )
          .filter((page) => page >= 4 && page < 60);
        const given = [];
        for (;;) {
          const at = memblock_phys_alloc_range(memblock, 0x1000, 0x1000, 0x4000, 0x3c000);
          if (at === 0) break;
          given.push(at / 0x1000);
        }
        expect(given).toEqual(bottom_up ? pages : pages.reverse());
      }),
    );
  });
});
