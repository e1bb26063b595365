import { describe, expect, it } from 'vitest';
import { PageFlags, PG_hwpoison, PG_nosave, PG_reserved } from '../../../src/linux/mm/page_flags.ts';

describe('page flags', () => {
  it('come from ranges, and from what was said of a page alone', () => {
    const flags = new PageFlags();
    flags.setRange(0, 2 ** 34, PG_reserved);
    flags.setRange(16, 32, PG_nosave);
    flags.clear(20, PG_reserved);
    flags.set(21, PG_hwpoison);
    expect([15, 16, 20, 21, 2 ** 34].map((pfn) => flags.get(pfn))).toEqual([
      PG_reserved,
      PG_reserved | PG_nosave,
      PG_nosave,
      PG_reserved | PG_nosave | PG_hwpoison,
      0,
    ]);
  });

  it('are as they were after an undo', () => {
    const flags = new PageFlags();
    flags.set(1, PG_reserved);
    const mark = flags.mark();
    flags.clear(1, PG_reserved);
    flags.set(2, PG_hwpoison);
    flags.setRange(0, 10, PG_nosave);
    flags.set(3, PG_hwpoison);
    flags.undo(mark);
    expect([0, 1, 2, 3].map((pfn) => flags.get(pfn))).toEqual([0, PG_reserved, 0, 0]);
  });
});
