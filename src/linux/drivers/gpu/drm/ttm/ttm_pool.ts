/**
 * Pages for graphics that the device wants uncached or write-combining (drivers/gpu/drm/ttm/ttm_pool.c). Line numbers are
 * those of v6.12. Not modelled: the pages that the pool keeps for the next who wants the same; all are single.
 */

import { EINVAL, ENOMEM } from '../../../../errno.ts';
import type { Kernel } from '../../../../kernel.ts';
import { __free_pages, alloc_pages, GFP_KERNEL } from '../../../../mm/page_alloc.ts';
import type { Task } from '../../../../task.ts';

/** enum ttm_caching */
export const ttm_uncached = 0;
export const ttm_write_combined = 1;
export const ttm_cached = 2;

/** Never changed: a change makes a new one. */
export interface ttm_tt {
  readonly caching: number;
  readonly pages: readonly number[];
}

/** Effect: the direct map has the pages cached as wanted. Failure: an errno, with some of them changed perhaps. :224 */
function* ttm_pool_apply_caching(k: Kernel, { caching, pages }: ttm_tt): Task<number> {
  if (caching === ttm_write_combined) return yield* k.set_pages_array_wc(pages);
  if (caching === ttm_uncached) return yield* k.set_pages_array_uc(pages);
  return 0;
}

/** Effect: the pages are free, cached as usual if that worked: nobody looks. :137 */
function* ttm_pool_free_range(k: Kernel, { caching, pages }: ttm_tt): Task<void> {
  for (const page of pages) {
    if (caching !== ttm_cached) yield* k.set_pages_array_wb([page]);
    yield* __free_pages(k, page, 0);
  }
}

/** Returns a number for the pages, from 1 up. Failure: -EINVAL, -ENOMEM or set_pages_array_*()'s, the pages freed. :381 */
export function* ttm_pool_alloc(k: Kernel, nr_pages: number, caching: number): Task<number> {
  if (nr_pages < 1 || caching > ttm_cached) return -EINVAL;
  const pages: number[] = [];
  while (pages.length < nr_pages) {
    const page = yield* alloc_pages(k, GFP_KERNEL, 0, undefined, 'ttm');
    if (page === undefined) break;
    pages.push(page);
  }
  const tt = { caching, pages };
  const err = pages.length < nr_pages ? -ENOMEM : yield* ttm_pool_apply_caching(k, tt);
  if (err !== 0) {
    yield* ttm_pool_free_range(k, tt);
    return err;
  }
  let id = 1;
  while (k.ttm_pages.has(id)) id++;
  k.ttm_pages.set(id, tt);
  return id;
}

/** Effect: the pages are free, uncached still if changing them back failed. Failure: -EINVAL. :494 */
export function* ttm_pool_free(k: Kernel, id: number): Task<number> {
  const tt = k.ttm_pages.get(id);
  if (tt === undefined) return -EINVAL;
  k.ttm_pages.delete(id);
  yield* ttm_pool_free_range(k, tt);
  return 0;
}

/** One of the pages, or undefined (NULL). */
export function ttm_page(k: Kernel, id: number, index: number): number | undefined {
  return k.ttm_pages.get(id)?.pages[index];
}
