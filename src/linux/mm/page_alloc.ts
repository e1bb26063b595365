/** Allocating and freeing pages, as far as it touches the direct map (mm/page_alloc.c). */

import type { Kernel } from '../kernel.ts';
import type { TablePurpose, Task } from '../task.ts';

/** Allocation flags by their kernel names; the values are this model's own. */
export const __GFP_DIRECT_RECLAIM = 1 << 0;
export const __GFP_ZERO = 1 << 1;
export const GFP_KERNEL = __GFP_DIRECT_RECLAIM;
export const GFP_ATOMIC = 0;

/**
 * Effect: 2^order pages, mapped. Failure: undefined (NULL), when the world refuses or memory is exhausted.
 * Context: may sleep if `gfp` allows direct reclaim.
 */
export function* alloc_pages(
  k: Kernel,
  gfp: number,
  order: number,
  purpose?: TablePurpose,
): Task<number | undefined> {
  if ((gfp & __GFP_DIRECT_RECLAIM) !== 0) k.might_sleep('alloc_pages(GFP_KERNEL)');
  const granted = (yield { kind: 'allocation', order, gfp, purpose }) !== 0;
  const pfn = granted ? k.frames.allocate(order, purpose) : undefined;
  const table = purpose !== undefined;
  if (pfn === undefined) {
    if (k.listening) {
      const { level, address } = purpose ?? { level: 0, address: 0 };
      k.emit({ kind: 'refused', cpu: k.cpu, order, table, level, address });
    }
    return undefined;
  }
  if (k.listening) k.emit({ kind: 'allocated', cpu: k.cpu, pfn, order, table });
  yield* post_alloc_hook(k, pfn, order);
  if ((gfp & __GFP_ZERO) !== 0) for (let i = 0; i < 2 ** order; i++) k.memory.clearPage(pfn + i);
  return pfn;
}

/** Under debug_pagealloc a page is mapped before anybody touches it. page_alloc.c:1809 (v7.2) */
function* post_alloc_hook(k: Kernel, pfn: number, order: number): Task<void> {
  if (k.debug_pagealloc_key) yield* k.__kernel_map_pages(pfn, 2 ** order, 1);
}

/** Under debug_pagealloc a page is unmapped after everybody has touched it. page_alloc.c:1312 (v7.2) */
function* free_pages_prepare(k: Kernel, pfn: number, order: number): Task<void> {
  if (k.debug_pagealloc_key) yield* k.__kernel_map_pages(pfn, 2 ** order, 0);
}

/** Effect: the pages are free. Caller's duty: to own them. */
export function* __free_pages(k: Kernel, pfn: number, order: number): Task<void> {
  yield* free_pages_prepare(k, pfn, order);
  k.frames.free(pfn, order);
  if (k.listening) k.emit({ kind: 'freed', cpu: k.cpu, pfn, order, table: false });
}
