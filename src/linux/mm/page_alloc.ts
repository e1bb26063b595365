/**
 * Allocating and freeing pages, as far as it touches the direct map (mm/page_alloc.c, mm/page_poison.c). Which page
 * it is, the machine's FrameAllocator decides.
 *
 * Under debug_pagealloc a page is mapped before anybody touches it and unmapped after everybody has. Memory is
 * written by __GFP_ZERO, init_on_alloc=1, init_on_free=1, page_poison=1 and KASAN with tags in hardware, through the direct map: the write that a
 * page wrongly left not present or read-only is waiting for.
 */

import { NotModelledError } from '../../errors.ts';
import type { Kernel } from '../kernel.ts';
import type { Machine } from '../machine.ts';
import { runTask, type TablePurpose, type Task } from '../task.ts';
import { read_page, write_page } from './access.ts';
import { describeFreeProblem, type FrameRange, PAGE_TABLE_OWNER } from './frame_allocator.ts';
import {
  ClearPageReserved,
  PageHighMem,
  PageHWPoison,
  PageReserved,
  PG_highmem,
  PG_hwpoison,
  PG_nosave,
  pfn_valid,
} from './page_flags.ts';

/** Allocation flags by their kernel names; the values are this model's own. */
export const __GFP_DIRECT_RECLAIM = 1 << 0;
export const __GFP_ZERO = 1 << 1;
export const __GFP_HIGHMEM = 1 << 2;
export const GFP_KERNEL = __GFP_DIRECT_RECLAIM;
export const GFP_ATOMIC = 0;

/** A poisoned page stays so, and the nosave bitmap is not the struct page's. */
const PAGE_FLAGS_CLEARED_AT_FREE = ~(PG_hwpoison | PG_nosave);

/**
 * Effect: 2^order pages, mapped. Failure: undefined (NULL), when the world refuses or memory is exhausted.
 * Context: may sleep if `gfp` allows direct reclaim.
 */
export function* alloc_pages(
  k: Kernel,
  gfp: number,
  order: number,
  purpose?: TablePurpose,
  owner?: string,
): Task<number | undefined> {
  if ((gfp & __GFP_DIRECT_RECLAIM) !== 0) k.might_sleep('alloc_pages(GFP_KERNEL)');
  const granted = (yield { kind: 'allocation', order, gfp, purpose }) !== 0;
  const pfn = granted ? k.frames.allocate(order, purpose, owner) : undefined;
  const table = purpose !== undefined;
  if (pfn === undefined) {
    if (k.listening) {
      const { level, address } = purpose ?? { level: 0, address: 0 };
      k.emit({ kind: 'refused', cpu: k.cpu, order, table, level, address });
    }
    return undefined;
  }
  if (k.listening) k.emit({ kind: 'allocated', cpu: k.cpu, pfn, order, table });
  if (k.has_highmem && (gfp & __GFP_HIGHMEM) !== 0) k.page_flags.set(pfn, PG_highmem);
  yield* post_alloc_hook(k, pfn, order, gfp);
  return pfn;
}

/** Effect: pages that allocations are served with are mapped, then initialised. page_alloc.c:1809 (v7.2) */
function* post_alloc_hook(k: Kernel, pfn: number, order: number, gfp: number): Task<void> {
  const numpages = 2 ** order;
  if (k.debug_pagealloc_key) yield* k.__kernel_map_pages(pfn, numpages, 1);
  if (k.boot.page_poison) yield* kernel_unpoison_pages(k, pfn, numpages);
  if (k.kasan_hw_tags_enabled()) yield* write_all(k, pfn, numpages);
  if (want_init_on_alloc(k, gfp)) {
    if (!want_init_on_free(k)) yield* write_all(k, pfn, numpages);
    for (let page = pfn; page < pfn + numpages; page++) k.clear_page(page);
  }
}

/** Poisoning overrides the others. mm.h:4693 (v7.2) */
function want_init_on_alloc(k: Kernel, gfp: number): boolean {
  return (k.boot.init_on_alloc && !k.boot.page_poison) || (gfp & __GFP_ZERO) !== 0;
}

export function want_init_on_free(k: Kernel): boolean {
  return k.boot.init_on_free && !k.boot.page_poison;
}

/** Effect: the poison is looked at. What it found is not modelled. page_poison.c:92 (v7.2) */
function* kernel_unpoison_pages(k: Kernel, pfn: number, numpages: number): Task<void> {
  for (let page = pfn; page < pfn + numpages; page++) if (pfn_valid(k, page)) yield* read_page(k, page);
}

/** A frame where the machine has no RAM is a replay's stand-in, of which nothing is known: it is not accessed. */
function* write_all(k: Kernel, pfn: number, numpages: number): Task<void> {
  for (let page = pfn; page < pfn + numpages; page++) {
    // High memory is written through a mapping of the moment, kmap_local_page().
    if (pfn_valid(k, page) && !PageHighMem(k, page)) yield* write_page(k, page);
  }
}

/** Whether struct pages are checked. mm_init.c:2604 (v7.2) */
function is_check_pages_enabled(k: Kernel): boolean {
  const { debug_pagealloc, page_poison, init_on_alloc, init_on_free } = k.boot;
  if (!k.has['page-checks-optional']) return true;
  return debug_pagealloc || page_poison || init_on_alloc || init_on_free;
}

function bad_page(k: Kernel, pfn: number, reason: string): void {
  k.printk('err', `BUG: Bad page state  pfn:${pfn.toString(16).padStart(5, '0')}: ${reason}`);
}

/**
 * Effect: the pages are overwritten if an option wants it, then unmapped; KASAN's tags lie in the memory itself, and were
 * written last before v5.12, which a page that is not present does not survive. Returns false if they must not become free:
 * a poisoned page is kept, mapped; a page in a bad state is reported and lost. page_alloc.c:1312 (v7.2)
 */
function* free_pages_prepare(k: Kernel, pfn: number, order: number): Task<boolean> {
  const numpages = 2 ** order;
  if (order === 0 && PageHWPoison(k, pfn)) return false;
  if (is_check_pages_enabled(k) && has_bad_page(k, pfn, numpages)) return false;
  for (let page = pfn; page < pfn + numpages; page++) k.page_flags.clear(page, PAGE_FLAGS_CLEARED_AT_FREE);

  if (k.boot.page_poison) yield* write_all(k, pfn, numpages);
  if (want_init_on_free(k)) {
    yield* write_all(k, pfn, numpages);
    for (let page = pfn; page < pfn + numpages; page++) k.clear_page(page);
  }
  const tags = k.kasan_hw_tags_enabled();
  if (tags && k.has['kasan-before-unmap']) yield* write_all(k, pfn, numpages);
  if (k.debug_pagealloc_key) yield* k.__kernel_map_pages(pfn, numpages, 0);
  if (tags && !k.has['kasan-before-unmap']) yield* write_all(k, pfn, numpages);
  return true;
}

/** Reports every page of the block that is in a bad state. page_alloc.c:1072 (v7.2) */
function has_bad_page(k: Kernel, pfn: number, numpages: number): boolean {
  let bad = false;
  for (let page = pfn; page < pfn + numpages; page++) {
    if (!PageReserved(k, page)) continue;
    bad_page(k, page, 'PAGE_FLAGS_CHECK_AT_FREE flag(s) set (reserved)');
    bad = true;
  }
  return bad;
}

/**
 * Effect: the pages are free. Caller's duty: to own them. Freeing what is free already is reported, whatever the
 * kernel would do, and otherwise ignored. Pages that somebody got before the model began (boot, a dump's kernel)
 * become the allocator's. page_alloc.c:5477 (v7.2)
 */
export function* __free_pages(k: Kernel, pfn: number, order: number): Task<void> {
  const problem = k.frames.book?.problemFreeing(pfn, order);
  const fromBefore = problem?.code === 'not-allocated' && pfn_valid(k, pfn);
  if (problem !== undefined && !fromBefore) {
    bad_page(k, pfn, describeFreeProblem(problem));
    return;
  }
  const table = k.frames.book?.ownerOf(pfn) === PAGE_TABLE_OWNER;
  if (yield* free_pages_prepare(k, pfn, order)) {
    if (fromBefore) k.frames.book?.adopt(pfn, order, 'boot');
    k.frames.free(pfn, order);
  } else k.frames.lose?.(pfn, order);
  if (k.listening) k.emit({ kind: 'freed', cpu: k.cpu, pfn, order, table });
}

/** Effect: a page that boot had reserved is free. page_alloc.c:6346 (v7.2) */
export function* free_reserved_page(k: Kernel, pfn: number): Task<void> {
  ClearPageReserved(k, pfn);
  yield* __free_pages(k, pfn, 0);
}

/** Effect: 2^order pages allocated as one can be freed one by one. page_alloc.c:3110 (v7.2) */
export function split_page(k: Kernel, pfn: number, _order: number): void {
  k.frames.book?.split(pfn);
}

// ---- boot

/** What debug_pagealloc may map by 4K entries here: 128 MiB of page tables. */
const MAX_DEBUG_PAGEALLOC_BYTES = 64 * 2 ** 30;

/** @throws NotModelledError if the 4K entries of this machine's direct map would not fit. To be asked before boot. */
export function check_debug_pagealloc_size(machine: Machine): void {
  const bytes = machine.memory.reduce(
    (sum, { start, end, type }) => sum + (type === 'RAM' ? end - start : 0),
    0,
  );
  if (bytes <= MAX_DEBUG_PAGEALLOC_BYTES) return;
  throw new NotModelledError(
    'debug_pagealloc=on with so much memory',
    `it maps all ${bytes / 2 ** 30} GiB by 4K entries, and the model goes to ${MAX_DEBUG_PAGEALLOC_BYTES / 2 ** 30} GiB`,
  );
}

/**
 * Effect: what boot's release of memory does under debug_pagealloc: every free page is not present. Cannot be undone.
 * Caller's duty: the direct map is built and the static key is on. memblock_free_all(), memblock.c:2399 (v7.2)
 */
export function debug_pagealloc_free_all(k: Kernel): void {
  if (!k.debug_pagealloc_key) return;
  check_debug_pagealloc_size(k.machine);
  const { book } = k.frames;
  if (book === undefined)
    throw new NotModelledError('debug_pagealloc at boot', 'which pages are free is not known');
  const taken = new Set<number>();
  k.listen((event) => {
    if (event.kind === 'allocated') taken.add(event.pfn);
  });
  k.memory.withoutJournal(() => {
    for (const { start, end } of [...book.freeRanges()]) {
      for (const range of taken.size === 0 ? [{ start, end }] : withoutPages(start, end, taken))
        runTask(k.__kernel_map_pages(range.start, range.end - range.start, 0));
    }
  });
  k.listen(undefined);
}

/** Page by page what is left of [start, end): somebody who unmaps pages of large leaves may have needed tables. */
function* withoutPages(start: number, end: number, taken: ReadonlySet<number>): Generator<FrameRange> {
  for (let pfn = start; pfn < end; pfn++) if (!taken.has(pfn)) yield { start: pfn, end: pfn + 1 };
}
