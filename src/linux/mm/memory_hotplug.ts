/**
 * Memory that comes and goes while the kernel runs (mm/memory_hotplug.c). Line numbers are those of v7.2. Frames are those
 * of whole memory blocks, which no RAM of boot's overlaps.
 *
 * Not modelled: the struct pages' memory, moving pages that are in use out of the way, and zones.
 */

import { NotModelledError } from '../../errors.ts';
import { EBUSY, EEXIST, EINVAL } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task.ts';
import { MAX_PAGE_ORDER } from './buddy.ts';
import type { FrameRange } from './frame_allocator.ts';
import { __free_pages } from './page_alloc.ts';
import { pfn_valid } from './page_flags.ts';

/** A range that was added. Never changed: a change makes a new one. */
export interface MemoryBlock extends FrameRange {
  readonly online: boolean;
}

/**
 * Effect: the frames have struct pages and are in the direct map; nobody uses them but who adds them, as the driver of a
 * device with memory does. Failure: -EEXIST, -EINVAL, or the architecture's. Context: may sleep. :1518
 */
export function* add_memory(k: Kernel, start: number, nr_pages: number): Task<number> {
  if (nr_pages <= 0) return -EINVAL;
  const range = { start, end: start + nr_pages };
  for (let pfn = start; pfn < range.end; pfn++) if (pfn_valid(k, pfn)) return -EEXIST;
  const ret = yield* k.arch_add_memory(range);
  if (ret !== 0) return ret;
  k.memory_blocks.set(start, { ...range, online: false });
  return 0;
}

/** The largest order that the frame is aligned to and that fits below `end`. */
function chunkOrder(pfn: number, end: number): number {
  let order = 0;
  while (order < MAX_PAGE_ORDER && pfn % 2 ** (order + 1) === 0 && pfn + 2 ** (order + 1) <= end) order++;
  return order;
}

/**
 * Effect: the block is mapped as under debug_pagealloc a page in use is, because freeing it will unmap it. Kernels that do
 * not ask whether debug_pagealloc is on map it in any case. :687; :600 (v5.10)
 */
function* map_before_free(k: Kernel, pfn: number, order: number): Task<void> {
  if (!k.has['online-maps-first']) return;
  if (k.debug_pagealloc_key || (!k.has['online-tests-the-key'] && k.config.DEBUG_PAGEALLOC)) {
    yield* k.__kernel_map_pages(pfn, 2 ** order, 1);
  }
}

/** Effect: the block's pages are free, for anybody. Failure: -EINVAL if there is no such block, or it is online. :1162 */
export function* online_pages(k: Kernel, start: number): Task<number> {
  const block = k.memory_blocks.get(start);
  if (block === undefined || block.online) return -EINVAL;
  k.memory_blocks.set(start, { ...block, online: true });
  for (let pfn = block.start; pfn < block.end; ) {
    const order = chunkOrder(pfn, block.end);
    yield* map_before_free(k, pfn, order);
    yield* __free_pages(k, pfn, order);
    pfn += 2 ** order;
  }
  return 0;
}

/** Effect: nobody gets the block's pages. Failure: -EBUSY if one is in use, -EINVAL if the block is not online. :1928 */
export function offline_pages(k: Kernel, start: number): number {
  const block = k.memory_blocks.get(start);
  if (block?.online !== true) return -EINVAL;
  const { book } = k.frames;
  if (book?.isolate === undefined)
    throw new NotModelledError('offlining memory', 'which pages are free is not known here');
  if (!book.isolate(block.start, block.end)) return -EBUSY;
  k.memory_blocks.set(start, { ...block, online: false });
  return 0;
}

/** Effect: the block is gone, its mapping as far as the architecture can. Failure: -EINVAL unless it is offline. :2262 */
export function* remove_memory(k: Kernel, start: number): Task<number> {
  const block = k.memory_blocks.get(start);
  if (block === undefined || block.online) return -EINVAL;
  k.memory_blocks.delete(start);
  yield* k.arch_remove_memory({ start: block.start, end: block.end });
  return 0;
}
