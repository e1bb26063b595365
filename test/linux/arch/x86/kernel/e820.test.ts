import { describe, expect, it } from 'vitest';
import {
  e820__mapped_all,
  e820__mapped_any,
  e820__range_add,
  e820__range_remove,
  e820__range_update,
} from '../../../../../src/linux/arch/x86/kernel/e820.ts';
import type { MemoryRange, MemoryType } from '../../../../../src/linux/machine.ts';

const range = (start: number, end: number, type: MemoryType = 'RAM'): MemoryRange => ({ start, end, type });
const TABLE = [range(0, 0x9fc00), range(0x9fc00, 0xa0000, 'RESERVED'), range(0x100000, 0x800000)];

describe('the memory map', () => {
  it('changes the type of a part, and merges neighbours of one type', () => {
    expect(e820__range_update(TABLE, 0x9f000, 0x9fc00, 'RAM', 'RESERVED')).toEqual([
      range(0, 0x9f000),
      range(0x9f000, 0xa0000, 'RESERVED'),
      range(0x100000, 0x800000),
    ]);
  });

  it('changes only what has the old type', () => {
    expect(e820__range_update(TABLE, 0, 0x800000, 'ACPI', 'NVS')).toEqual(TABLE);
  });

  it('loses a part, on both sides of which the rest stays', () => {
    expect(e820__range_remove(TABLE, 0x200000, 0x300000, 'RAM').slice(2)).toEqual([
      range(0x100000, 0x200000),
      range(0x300000, 0x800000),
    ]);
  });

  it('adds over whatever was there', () => {
    expect(e820__range_add(TABLE, 0x9f000, 0x180000, 'RAM')).toEqual([range(0, 0x800000)]);
  });

  it('knows what is touched by a type, and what is covered by it', () => {
    expect(e820__mapped_any(TABLE, 0x9f000, 0x100000, 'RAM')).toBe(true);
    expect(e820__mapped_any(TABLE, 0xa0000, 0x100000, 'RAM')).toBe(false);
    expect(e820__mapped_all(TABLE, 0x100000, 0x800000, 'RAM')).toBe(true);
    expect(e820__mapped_all(TABLE, 0x9f000, 0x101000, 'RAM')).toBe(false);
  });
});
