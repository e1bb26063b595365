import { describe, expect, it } from 'vitest';
import { set_memory_np } from '../../../../src/linux/arch/powerpc/mm/pageattr.ts';
import { booted, call, linesOf, MiB, onTablesOf, PAGEALLOC } from './powerpc.ts';

describe('a kernel on recorded tables', () => {
  it('has the direct map, the counters and the block size of the machine', () => {
    const k = booted('v7.2');
    const again = onTablesOf(k, '');
    expect(linesOf(again)).toEqual(linesOf(k));
    expect(again.direct_pages_count!.toArray()).toEqual(k.direct_pages_count!.toArray());
    expect([again.memory_block_size, again.max_pfn]).toEqual([k.memory_block_size, k.max_pfn]);
    expect(again.kfence_pool).toBeUndefined();
  });

  it('knows the pool of KFENCE by its guard pages', () => {
    for (const page_size of [4096, 65536]) {
      const boot = 'kfence.sample_interval=100';
      const k = booted('v6.12', { boot, page_size });
      const again = onTablesOf(k, boot);
      expect(again.kfence_pool).toEqual(k.kfence_pool);
      expect(again.kfence.get()).toMatchObject({ enabled: true, pool: k.kfence_pool });
    }
  });

  it('takes the change of one bit for KFENCE’s, or for that of the page allocator', () => {
    const [mapped, unmapped] = [0xc00000000000018en, 0x400000000000018en];
    const k = booted('v7.2');
    expect(k.changedByKfence(1, mapped, unmapped)).toBe(true);
    expect(k.changedByKfence(2, mapped, unmapped)).toBe(false);
    expect(k.changedByKfence(1, mapped, unmapped & ~2n)).toBe(false);
    expect(k.changedByPageAllocator(1, mapped, unmapped)).toBe(false);
    const debug = booted('v7.2', { ram: 64 * MiB, ...PAGEALLOC });
    expect(debug.changedByPageAllocator(1, unmapped, mapped)).toBe(true);
  });

  it('can be written to without its source being changed', () => {
    const k = booted('v7.2', { ram: 64 * MiB, ...PAGEALLOC });
    const before = k.memory.hash;
    const again = onTablesOf(k, PAGEALLOC.boot);
    expect(again.debug_pagealloc_key).toBe(true);
    expect(call(set_memory_np(again, again.page_address(0x100), 1))).toBe(0);
    expect(again.translate(again.page_address(0x100))).toBeUndefined();
    expect([k.memory.hash === before, k.translate(k.page_address(0x100)) === undefined]).toEqual([
      true,
      false,
    ]);
  });
});
