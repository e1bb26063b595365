/**
 * The SLAB allocator's debugging (mm/slab.c, until v6.7): under debug_pagealloc an object of whole pages is not present
 * while it is free. Line numbers are those of v5.10. Sizes are in pages.
 *
 * Not modelled: objects that are not of whole pages, whose mapping is never touched; per-CPU arrays, colours, and where
 * the list of a slab's free objects lies, which needs memory of its own.
 */

import { EINVAL } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task.ts';
import { write_page } from './access.ts';
import { __free_pages, alloc_pages, GFP_KERNEL } from './page_alloc.ts';
import { __ClearPageSlab, __SetPageSlab } from './page_flags.ts';

/** One block of pages with objects in it. */
interface slab {
  readonly page: number;
  /** First frames of its objects that are free, the next one to be given out first. */
  readonly free: readonly number[];
}

/** Never changed: a change makes a new one. */
export interface kmem_cache {
  /** Pages of an object. */
  readonly size: number;
  readonly gfporder: number;
  /** SLAB_POISON: free objects are overwritten. */
  readonly poison: boolean;
  readonly slabs: readonly slab[];
}

/** Objects that fit in one slab. */
function objectsPerSlab({ size, gfporder }: kmem_cache): number {
  return Math.floor(2 ** gfporder / size);
}

/** Whether free objects are not present. Needs CONFIG_DEBUG_SLAB: all of it is under #if DEBUG. :1422 */
function is_debug_pagealloc_cache(k: Kernel, { poison }: kmem_cache): boolean {
  return k.debug_pagealloc_key && poison;
}

/** Effect: the object is present, or not. Errors are dropped. :1432 */
function* slab_kernel_map(k: Kernel, cache: kmem_cache, object: number, map: number): Task<void> {
  if (is_debug_pagealloc_cache(k, cache)) yield* k.__kernel_map_pages(object, cache.size, map);
}

function* poison_obj(k: Kernel, { size, poison }: kmem_cache, object: number): Task<void> {
  if (!poison) return;
  for (let page = object; page < object + size; page++) yield* write_page(k, page);
}

/** Returns the cache's number, from 1 up. :1905 */
export function kmem_cache_create(k: Kernel, size: number): number {
  let id = 1;
  while (k.kmem_caches.has(id)) id++;
  const gfporder = Math.ceil(Math.log2(Math.max(1, size)));
  k.kmem_caches.set(id, { size, gfporder, poison: k.config.DEBUG_SLAB, slabs: [] });
  return id;
}

/** Effect: a slab more, its objects free. Failure: undefined. :2565 */
function* cache_grow(k: Kernel, id: number): Task<slab | undefined> {
  const cache = k.kmem_caches.get(id)!;
  const page = yield* alloc_pages(k, GFP_KERNEL, cache.gfporder, undefined, 'slab');
  if (page === undefined) return undefined;
  for (let i = 0; i < 2 ** cache.gfporder; i++) __SetPageSlab(k, page + i);
  const free = Array.from({ length: objectsPerSlab(cache) }, (_, i) => page + i * cache.size);
  for (const object of free) {
    yield* poison_obj(k, cache, object);
    yield* slab_kernel_map(k, cache, object, 0);
  }
  const grown = { page, free };
  const now = k.kmem_caches.get(id)!;
  k.kmem_caches.set(id, { ...now, slabs: [...now.slabs, grown] });
  return grown;
}

/**
 * Returns an object by its first frame, present before anybody writes to it, or undefined (NULL). Context: may sleep, for
 * a new slab. :3029, :2989
 */
export function* kmem_cache_alloc(k: Kernel, id: number): Task<number | undefined> {
  const cache = k.kmem_caches.get(id);
  if (cache === undefined) return undefined;
  const from = cache.slabs.find(({ free }) => free.length > 0) ?? (yield* cache_grow(k, id));
  if (from === undefined) return undefined;
  const object = from.free[0]!;
  replaceSlab(k, id, from, { ...from, free: from.free.slice(1) });
  yield* slab_kernel_map(k, cache, object, 1);
  yield* poison_obj(k, cache, object);
  return object;
}

/** Effect: the object is free, and not present after it was overwritten. Failure: -EINVAL. Context: any. :2705 */
export function* kmem_cache_free(k: Kernel, id: number, object: number): Task<number> {
  const cache = k.kmem_caches.get(id);
  const owner = cache?.slabs.find(({ page }) => object >= page && object < page + 2 ** cache.gfporder);
  if (cache === undefined || owner === undefined || owner.free.includes(object)) return -EINVAL;
  yield* poison_obj(k, cache, object);
  yield* slab_kernel_map(k, cache, object, 0);
  replaceSlab(k, id, owner, { ...owner, free: [object, ...owner.free] });
  return 0;
}

/** Effect: slabs without an object in use are the page allocator's again, present until it has them. :2246, :1574 */
export function* kmem_cache_shrink(k: Kernel, id: number): Task<void> {
  const cache = k.kmem_caches.get(id);
  if (cache === undefined) return;
  for (const each of cache.slabs) {
    if (each.free.length < objectsPerSlab(cache)) continue;
    for (const object of each.free) yield* slab_kernel_map(k, cache, object, 1);
    replaceSlab(k, id, each, undefined);
    for (let i = 0; i < 2 ** cache.gfporder; i++) __ClearPageSlab(k, each.page + i);
    yield* __free_pages(k, each.page, cache.gfporder);
  }
}

function replaceSlab(k: Kernel, id: number, old: slab, by: slab | undefined): void {
  const cache = k.kmem_caches.get(id)!;
  const slabs = cache.slabs.flatMap((each) =>
    each.page !== old.page ? [each] : by === undefined ? [] : [by],
  );
  k.kmem_caches.set(id, { ...cache, slabs });
}
