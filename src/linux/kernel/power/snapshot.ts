/**
 * Hibernation's snapshot of memory, and what it does to the direct map on the way (kernel/power/snapshot.c).
 *
 * The copies are not kept: what matters here is whether each page can be read. Not modelled: where the image lies, its
 * own pages (which are mapped, and not saved), and highmem; of the restore side, all but its edits of the direct map.
 */

import { NotModelledError } from '../../../errors.ts';
import { ENOMEM } from '../../errno.ts';
import type { Kernel } from '../../kernel.ts';
import { read_page, write_page, write_pages } from '../../mm/access.ts';
import { page_is_guard } from '../../mm/debug_page_alloc.ts';
import type { FrameBook } from '../../mm/frame_allocator.ts';
import { __free_pages, alloc_pages, GFP_KERNEL, want_init_on_free } from '../../mm/page_alloc.ts';
import { PageOffline, PageReserved, PG_nosave, pfn_valid } from '../../mm/page_flags.ts';
import type { Task } from '../../task.ts';

function frameBook(k: Kernel): FrameBook {
  const { book } = k.frames;
  if (book === undefined) throw new NotModelledError('hibernation', 'which pages are free is not known here');
  return book;
}

// ---- mapping a page for the copy

/** Effect: the page is present, if an entry for it can be had; errors are dropped. Before v5.11. mm.h:2966 (v5.10) */
function* kernel_map_pages(k: Kernel, page: number, numpages: number, enable: number): Task<void> {
  yield* k.__kernel_map_pages(page, numpages, enable);
}

/** Effect: the log has a line about it, once; the first revisions of the series of 2020 had a warning each time. */
function remap_failed(k: Kernel, where: string): void {
  if (k.has['hibernate-warns-once']) k.pr_warn_once(where, 'PM: hibernation: Failed to remap page');
  else k.warn(`${where}(): the page could not be remapped`);
}

/** Effect: the page is present, or one line in the log says that some page is not. Nothing is flushed. :88 (v7.2) */
function* hibernate_map_page(k: Kernel, page: number): Task<void> {
  if (!k.arch_has_set_direct_map) {
    if (k.debug_pagealloc_key) yield* k.__kernel_map_pages(page, 1, 1);
    return;
  }
  const ret = yield* k.set_direct_map_default_noflush(page);
  if (ret !== 0) remap_failed(k, 'hibernate_map_page');
}

/** Effect: the page is not present, or as above; it is flushed in any case. :100 (v7.2) */
function* hibernate_unmap_page(k: Kernel, page: number): Task<void> {
  if (!k.arch_has_set_direct_map) {
    if (k.debug_pagealloc_key) yield* k.__kernel_map_pages(page, 1, 0);
    return;
  }
  const addr = k.page_address(page);
  const ret = yield* k.set_direct_map_invalid_noflush(page);
  if (ret !== 0) remap_failed(k, 'hibernate_unmap_page');
  yield* k.flush_tlb_kernel_range(addr, addr + k.page_size);
}

// ---- which pages

function swsusp_page_is_forbidden(k: Kernel, pfn: number): boolean {
  return (k.page_flags.get(pfn) & PG_nosave) !== 0;
}

function swsusp_page_is_free(k: Kernel, pfn: number): boolean {
  return frameBook(k).isFree(pfn);
}

/**
 * Whether the page goes into the image. A reserved page does only if it is present; any other page that is not free
 * does, present or not. Of a guard block all but the first page do. pfn_is_nosave() is taken as false. :1375 (v7.2)
 */
export function* saveable_page(k: Kernel, pfn: number): Task<boolean> {
  if (!pfn_valid(k, pfn)) return false;
  if (swsusp_page_is_forbidden(k, pfn) || swsusp_page_is_free(k, pfn)) return false;
  if (PageOffline(k, pfn)) return false;
  if (PageReserved(k, pfn) && !(yield* k.kernel_page_present(pfn))) return false;
  return !page_is_guard(k, pfn);
}

// ---- the copy

/**
 * Effect: the page has been read, and is as present as before; on x86 one that was not present has lost RW (and D).
 * Failure: the machine dies if the page was not present and could not be mapped. :1452 (v7.2), :1346 (v5.10)
 */
export function* safe_copy_page(k: Kernel, page: number): Task<void> {
  if (yield* k.kernel_page_present(page)) {
    yield* read_page(k, page);
  } else if (k.has['hibernate-explicit-map']) {
    yield* hibernate_map_page(k, page);
    yield* read_page(k, page);
    yield* hibernate_unmap_page(k, page);
  } else {
    yield* kernel_map_pages(k, page, 1, 1);
    yield* read_page(k, page);
    yield* kernel_map_pages(k, page, 1, 0);
  }
}

/**
 * Effect: every saveable page has been copied: of those that the allocator knows to be taken, and of `also`. Which
 * they are is settled before the first copy. Returns how many. :1519 (v7.2)
 */
function* copy_data_pages(k: Kernel, also: readonly number[]): Task<number> {
  const saveable: number[] = [];
  const candidates = new Set([...frameBook(k).heldFrames(), ...also]);
  for (const pfn of [...candidates].sort((a, b) => a - b)) {
    if (yield* saveable_page(k, pfn)) saveable.push(pfn);
  }
  for (const pfn of saveable) yield* safe_copy_page(k, pfn);
  return saveable.length;
}

/**
 * Effect: memory is copied; the pages that boot kept for itself only if they are among `also`. Returns 0. Caller's
 * duty: one CPU, interrupts off. Its own allocations and the draining of per-CPU lists are not modelled. :2109 (v7.2)
 */
export function* swsusp_save(k: Kernel, also: readonly number[] = []): Task<number> {
  const copied = yield* copy_data_pages(k, also);
  k.printk('info', `PM: hibernation: Image created (${copied} pages copied)`);
  return 0;
}

// ---- loading an image

function hibernate_restore_protection(k: Kernel): boolean {
  return k.boot.hibernate_protect_image && k.config.STRICT_KERNEL_RWX;
}

/** Effect: the page is read-only. Failure: an errno, which only kernels since v6.9 look at. :61 (v7.2) */
function* hibernate_restore_protect_page(k: Kernel, page: number): Task<number> {
  if (!hibernate_restore_protection(k)) return 0;
  const ret = yield* k.set_memory_ro(k.page_address(page), 1);
  return k.has['hibernate-protect-honoured'] ? ret : 0;
}

/** Effect: the page is writable again, if that worked: nobody looks. :68 (v7.2) */
function* hibernate_restore_unprotect_page(k: Kernel, page: number): Task<void> {
  if (hibernate_restore_protection(k)) yield* k.set_memory_rw(k.page_address(page), 1);
}

/**
 * Effect: `nr_pages` pages of an image have been loaded, each read-only from then on with hibernate=protect_image. Failure:
 * -ENOMEM, or since v6.9 the error of protecting a page; swsusp_free() gives back what there is. Every page is one of the
 * image's own: which would lie where they were saved from is not modelled. Context: may sleep. :2784 (v7.2)
 */
export function* snapshot_write_next(k: Kernel, nr_pages: number): Task<number> {
  for (let i = 0; i < nr_pages; i++) {
    const page = yield* alloc_pages(k, GFP_KERNEL, 0, undefined, 'image');
    if (page === undefined) return -ENOMEM;
    k.image_pages.set([...k.image_pages.get(), page]);
    yield* write_page(k, page);
    const error = yield* hibernate_restore_protect_page(k, page);
    if (error !== 0) return error;
  }
  return 0;
}

/** Effect: the image's pages are free, writable if that worked. :1594 (v7.2) */
export function* swsusp_free(k: Kernel): Task<void> {
  for (const page of k.image_pages.get()) {
    yield* hibernate_restore_unprotect_page(k, page);
    yield* __free_pages(k, page, 0);
  }
  k.image_pages.set([]);
}

/** A page of the image that is being loaded, in the order in which they were. Undefined (NULL) if there are not so many. */
export function image_page(k: Kernel, index: number): number | undefined {
  return k.image_pages.get()[index];
}

// ---- after the resume

/**
 * Effect: every free page is overwritten if init_on_free=1 (or, since, page_poison=1) wants it. Whether they are
 * present is not asked: under debug_pagealloc they are not, and the machine dies. :1194 (v7.2), :1140 (v5.10)
 */
export function* clear_or_poison_free_pages(k: Kernel): Task<void> {
  const poison = k.boot.page_poison && k.has['hibernate-poisons-free-pages'];
  if (!poison && !want_init_on_free(k)) return;
  const ranges = [...frameBook(k).freeRanges()].sort((a, b) => a.start - b.start);
  for (const { start, end } of ranges) yield* write_pages(k, start, end - start);
  k.printk('info', 'PM: hibernation: free pages cleared after restore');
}
