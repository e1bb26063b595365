import { describe, expect, it } from 'vitest';
import { EINVAL } from '../../../src/linux/errno.ts';
import { safe_copy_page, saveable_page } from '../../../src/linux/kernel/power/snapshot.ts';
import { PageSlab } from '../../../src/linux/mm/page_flags.ts';
import {
  kmem_cache_alloc,
  kmem_cache_create,
  kmem_cache_free,
  kmem_cache_shrink,
} from '../../../src/linux/mm/slab.ts';
import { call, refuseAll, watch } from '../../support/calls.ts';
import { buddyOf, leaf, smallX86 } from '../../support/small_x86.ts';

const DEBUG = {
  level: 1,
  config: 'DEBUG_PAGEALLOC=y,SLAB=y',
  ram: 32 * 2 ** 20,
  boot: 'debug_pagealloc=on',
} as const;

describe.each(['v5.10', 'v5.11', 'v6.1'])('SLAB of %s', (kernel) => {
  it('under debug_pagealloc keeps free objects of whole pages out of the direct map', () => {
    const k = smallX86({ kernel, ...DEBUG });
    const id = kmem_cache_create(k, 1);
    const object = call(kmem_cache_alloc(k, id))!;
    expect([leaf(k, object), PageSlab(k, object)]).toEqual(['4K P RW', true]);
    expect(call(kmem_cache_free(k, id, object))).toBe(0);
    expect([leaf(k, object), buddyOf(k).isFree(object)]).toEqual(['4K', false]);
    expect(call(kmem_cache_free(k, id, object))).toBe(-EINVAL);
    expect(call(kmem_cache_alloc(k, id))).toBe(object);
    expect(leaf(k, object)).toBe('4K P RW');
  });

  it('has no object mapped in a new slab but the one that it gives out', () => {
    const k = smallX86({ kernel, ...DEBUG });
    const id = kmem_cache_create(k, 3);
    const object = call(kmem_cache_alloc(k, id))!;
    expect([0, 1, 2, 3].map((i) => leaf(k, object + i))).toEqual([
      '4K P RW',
      '4K P RW',
      '4K P RW',
      '4K P RW',
    ]);
    call(kmem_cache_free(k, id, object));
    expect([0, 1, 2, 3].map((i) => leaf(k, object + i))).toEqual(['4K', '4K', '4K', '4K P RW']);
  });

  it('gives slabs back present, so that the page allocator can overwrite them', () => {
    const k = smallX86({ kernel, ...DEBUG, boot: 'debug_pagealloc=on init_on_free=1' });
    const id = kmem_cache_create(k, 1);
    const object = call(kmem_cache_alloc(k, id))!;
    call(kmem_cache_shrink(k, id));
    expect(PageSlab(k, object)).toBe(true);
    call(kmem_cache_free(k, id, object));
    expect(watch(k, kmem_cache_shrink(k, id)).died).toBeUndefined();
    expect([leaf(k, object), buddyOf(k).isFree(object), PageSlab(k, object)]).toEqual(['4K', true, false]);
  });

  it('edits nothing without debug_pagealloc, or without its own debugging', () => {
    for (const options of [
      { config: 'SLAB=y' },
      { ...DEBUG, config: 'SLAB=y,DEBUG_PAGEALLOC=y,DEBUG_SLAB=n' },
    ]) {
      const k = smallX86({ kernel, ...options });
      const id = kmem_cache_create(k, 1);
      const object = call(kmem_cache_alloc(k, id))!;
      call(kmem_cache_free(k, id, object));
      expect(leaf(k, object)).toMatch(/P RW$/);
    }
  });

  it('gives nothing without memory, nor from a cache that is not there', () => {
    const k = smallX86({ kernel, ...DEBUG });
    expect(call(kmem_cache_alloc(k, kmem_cache_create(k, 1)), refuseAll)).toBeUndefined();
    expect(call(kmem_cache_alloc(k, 9))).toBeUndefined();
  });

  it('has its free objects copied by hibernation, which maps them for that (S8)', () => {
    const k = smallX86({ kernel, ...DEBUG });
    const id = kmem_cache_create(k, 1);
    const object = call(kmem_cache_alloc(k, id))!;
    call(kmem_cache_free(k, id, object));
    expect(call(saveable_page(k, object))).toBe(true);
    const { died } = watch(k, safe_copy_page(k, object), refuseAll);
    expect([died, leaf(k, object)]).toEqual([undefined, '4K']);
    expect(watch(k, kmem_cache_alloc(k, id)).value).toBe(object);
  });
});
