import { describe, expect, it } from 'vitest';
import { __kernel_map_pages } from '../../../../../../src/linux/arch/powerpc/mm/pageattr.ts';
import { EFAULT } from '../../../../../../src/linux/errno.ts';
import { booted, call, GiB, leafText, MiB, PAGEALLOC, watch } from '../../powerpc.ts';

const KERNELS = ['v5.10', 'v6.1', 'v6.12', 'v7.2'];
const frames = (start: number, bytes: number) => ({ start: start / 4096, end: (start + bytes) / 4096 });

describe.each(KERNELS)('memory hotplug on %s', (kernel) => {
  it('maps a new block, and removes it with the tables that are empty then', () => {
    const k = booted(kernel, { ram: GiB });
    const before = k.memory.hash;
    const counted = k.direct_pages_count!.toArray();
    const block = frames(GiB, 256 * MiB);
    expect(call(k.arch_add_memory(block))).toBe(0);
    expect(leafText(k, block.start)).toBe('PMD 0xc00000000000018e');
    expect(k.direct_pages_count!.get(2)).toBe(counted[2]! + 128);
    call(k.arch_remove_memory(block));
    expect(leafText(k, block.start)).toBe('-');
    expect(k.direct_pages_count!.toArray()).toEqual(counted);
    expect(k.memory.hash).toBe(before);
  });

  it('tells of a table that it could not have as -EFAULT', () => {
    const k = booted(kernel, { ram: GiB });
    const { value, of } = watch(k, k.arch_add_memory(frames(GiB, 256 * MiB)), () => false);
    expect(value).toBe(-EFAULT);
    expect(of('refused')).toHaveLength(1);
    expect(of('printk')).toHaveLength(1);
  });
});

describe('the removal of memory', () => {
  it('leaves a large leaf of which it should remove a part: with a warning to v6.1, in silence since (a stale mapping)', () => {
    for (const [kernel, warnings] of [
      ['v5.10', 1],
      ['v6.1', 1],
      ['v6.12', 0],
      ['v7.2', 0],
    ] as const) {
      const k = booted(kernel, { ram: GiB });
      const { of } = watch(k, k.arch_remove_memory(frames(512 * MiB, MiB)));
      expect(of('warn')).toHaveLength(warnings);
      expect(leafText(k, 0x20000)).toBe('PMD 0xc00000000000018e');
    }
  });

  it('warns of a part of a 1G leaf on every kernel', () => {
    const k = booted('v7.2', { ram: 2 * GiB });
    const { of } = watch(k, k.arch_remove_memory(frames(GiB, 2 * MiB)));
    expect(of('warn')).toHaveLength(1);
    expect(leafText(k, 0x40000)).toBe('PUD 0xc00000000000018e');
  });

  it('leaves pages that debug_pagealloc has unmapped, with their table and their count (S38)', () => {
    const k = booted('v7.2', { ram: 256 * MiB, ...PAGEALLOC });
    const block = frames(128 * MiB, 2 * MiB);
    call(__kernel_map_pages(k, block.start, 512, 1));
    call(__kernel_map_pages(k, block.start, 1, 0));
    const counted = k.direct_pages_count!.get(1);
    const { of } = watch(k, k.arch_remove_memory(block));
    expect(leafText(k, block.start)).toBe('PTE 0x400000000000018e');
    expect(leafText(k, block.start + 1)).toBe('-');
    expect(of('freed')).toEqual([]);
    expect(k.direct_pages_count!.get(1)).toBe(counted - 511);
  });
});
