/**
 * KFENCE (mm/kfence/core.c): a pool of pages of which every other is out of the direct map, and every object once it is
 * freed. Line numbers are those of v7.2.
 *
 * Not modelled: sampling (every allocation that is asked for is tried), the random order of the freelist and side of the
 * page, canaries but for their being written and read, memory for the metadata, zombies, and RCU.
 */

import { hexAddress, type VirtualAddress } from '../../../mmu/format.ts';
import { EBUSY, EINVAL, ENOMEM } from '../../errno.ts';
import type { Kernel } from '../../kernel.ts';
import type { Task } from '../../task.ts';
import { read_kernel, write_kernel } from '../access.ts';
import type { FrameRange } from '../frame_allocator.ts';
import { __free_pages, alloc_pages, free_reserved_page, GFP_KERNEL, split_page } from '../page_alloc.ts';
import { __ClearPageSlab, __SetPageSlab } from '../page_flags.ts';
import type { KfenceState, kfence_metadata } from './state.ts';

/** CONFIG_KFENCE_NUM_OBJECTS. */
export const KFENCE_NUM_OBJECTS = 255;

/** Two pages for each object, and two before the first. kfence.h:22 */
export function KFENCE_POOL_PAGES(objects: number): number {
  return (objects + 1) * 2;
}

function change(k: Kernel, parts: Partial<KfenceState>): void {
  k.kfence.set({ ...k.kfence.get(), ...parts });
}

function changeObject(k: Kernel, index: number, parts: Partial<kfence_metadata>): void {
  const { objects } = k.kfence.get();
  change(k, { objects: objects.with(index, { ...objects[index]!, ...parts }) });
}

function pageaddr(k: Kernel, pool: FrameRange, page: number): VirtualAddress {
  return k.page_address(pool.start + page);
}

/** Which page of the pool `addr` lies in, or -1. */
function pageIndex(k: Kernel, addr: VirtualAddress): number {
  const { pool } = k.kfence.get();
  if (pool === undefined) return -1;
  const index = Math.floor((addr - k.page_address(pool.start)) / k.page_size);
  return index >= 0 && index < pool.end - pool.start ? index : -1;
}

/** kfence.h:66 */
export function is_kfence_address(k: Kernel, addr: VirtualAddress): boolean {
  return pageIndex(k, addr) >= 0;
}

/** The number of the object whose page or right guard page `addr` lies in, or -1. kfence.h:126 */
function addr_to_metadata(k: Kernel, addr: VirtualAddress): number {
  const object = Math.floor(pageIndex(k, addr) / 2) - 1;
  return object >= 0 && object < k.kfence.get().objects.length ? object : -1;
}

// ---- protecting

/** Effect: if `condition`, a warning, and KFENCE is off for good. Returns `condition`. :40 */
function KFENCE_WARN_ON(k: Kernel, condition: boolean, where: string): boolean {
  if (!condition) return false;
  k.warn(`${where}(): KFENCE cannot change the page, and disables itself`);
  change(k, { enabled: false, disabled_by_warn: true });
  return true;
}

/** Effect: the page is not present. Failure: false, and KFENCE is off. Context: any. :252 */
export function* kfence_protect(k: Kernel, addr: VirtualAddress): Task<boolean> {
  return !KFENCE_WARN_ON(k, !(yield* k.kfence_protect_page(addr, true)), 'kfence_protect');
}

/** Effect: the page is present. Failure: false, and KFENCE is off. Context: any. :257 */
export function* kfence_unprotect(k: Kernel, addr: VirtualAddress): Task<boolean> {
  return !KFENCE_WARN_ON(k, !(yield* k.kfence_protect_page(addr, false)), 'kfence_unprotect');
}

// ---- the pool

/**
 * Effect: the guard pages are not present. Returns 0, or the first address that nothing has been done to: what lies below
 * may be not present for ever. :611
 */
function* kfence_init_pool(k: Kernel, pool: FrameRange): Task<VirtualAddress> {
  if (!(yield* k.arch_kfence_init_pool(pool))) return pageaddr(k, pool, 0);
  const pages = pool.end - pool.start;
  for (let page = 2; page < pages; page += 2) __SetPageSlab(k, pool.start + page);
  for (let page = 0; page < 2; page++) {
    if (!(yield* kfence_protect(k, pageaddr(k, pool, page)))) return pageaddr(k, pool, page);
  }
  const objects: kfence_metadata[] = [];
  for (let page = 2; page < pages; page += 2) {
    if (!(yield* kfence_protect(k, pageaddr(k, pool, page + 1)))) {
      for (let slab = 2; slab < pages; slab += 2) __ClearPageSlab(k, pool.start + slab);
      return pageaddr(k, pool, page);
    }
    objects.push({ state: 'UNUSED', addr: pageaddr(k, pool, page), unprotected_page: 0 });
  }
  change(k, { objects, freelist: objects.map((_, index) => index) });
  return 0;
}

/** How many of the pool's pages lie below `addr`. */
function pagesBelow(k: Kernel, pool: FrameRange, addr: VirtualAddress): number {
  return (addr - pageaddr(k, pool, 0)) / k.page_size;
}

function kfence_init_enable(k: Kernel): void {
  const { objects } = k.kfence.get();
  change(k, { enabled: true });
  const bytes = KFENCE_POOL_PAGES(objects.length) * k.page_size;
  k.printk('info', `kfence: initialized - using ${bytes} bytes for ${objects.length} objects`);
}

/**
 * Effect: KFENCE is on, with the pool that boot has set aside, whose pages are reserved. Failure: it is off; what of the
 * pool has not been touched is free since the change `memblock-frees-late`, and lost before: memblock has nothing to give
 * any more. :983
 */
export function* kfence_init(k: Kernel): Task<void> {
  if (!k.has.kfence || k.boot.kfence_sample_interval === 0 || k.kasan_hw_tags_enabled()) return;
  const pool = k.kfence_pool;
  if (pool !== undefined) {
    change(k, { pool });
    const addr = yield* kfence_init_pool(k, pool);
    if (addr === 0) {
      kfence_init_enable(k);
      return;
    }
    const untouched = pool.start + pagesBelow(k, pool, addr);
    change(k, { pool: undefined });
    if (k.has['memblock-frees-late'])
      for (let page = untouched; page < pool.end; page++) yield* free_reserved_page(k, page);
  }
  k.printk('err', 'kfence: kfence_init failed');
}

/**
 * Effect: KFENCE is on, with a pool from the page allocator: its pages are not reserved, and may lie in large leaves until
 * now. Failure: -ENOMEM; or -EBUSY, with what has not been touched of the pool freed and the rest lost. :1007
 */
function* kfence_init_late(k: Kernel, nr_objects: number): Task<number> {
  const nr_pages = KFENCE_POOL_PAGES(nr_objects);
  const start = yield* alloc_contig_pages(k, nr_pages);
  if (start === undefined) return -ENOMEM;
  const pool = { start, end: start + nr_pages };
  change(k, { pool });
  const addr = yield* kfence_init_pool(k, pool);
  if (addr === 0) {
    kfence_init_enable(k);
    return 0;
  }
  k.printk('err', 'kfence: kfence_init_late failed');
  const untouched = pool.start + pagesBelow(k, pool, addr);
  change(k, { pool: undefined });
  for (let page = untouched; page < pool.end; page++) yield* __free_pages(k, page, 0);
  return -EBUSY;
}

/** Effect: pages of their own, in a row. Failure: undefined (NULL). mm/page_alloc.c:7321, and alloc_pages_exact() */
function* alloc_contig_pages(k: Kernel, nr_pages: number): Task<number | undefined> {
  const order = Math.ceil(Math.log2(nr_pages));
  const first = yield* alloc_pages(k, GFP_KERNEL, order, undefined, 'kfence');
  if (first === undefined) return undefined;
  split_page(k, first, order);
  for (let page = nr_pages; page < 2 ** order; page++) yield* __free_pages(k, first + page, 0);
  return first;
}

/**
 * Effect: what a write of kfence.sample_interval does while KFENCE is off: its old pool is used again, or a new one made,
 * of `nr_objects`. Failure: -EINVAL after a warning has disabled it, or as kfence_init_late(). Context: may sleep. :78
 */
export function* kfence_enable_late(k: Kernel, nr_objects = KFENCE_NUM_OBJECTS): Task<number> {
  const { enabled, disabled_by_warn, pool } = k.kfence.get();
  if (k.kasan_hw_tags_enabled()) {
    k.printk('info', 'kfence: disabled as KASAN HW tags are enabled');
    return -EINVAL;
  }
  if (enabled) return 0;
  if (disabled_by_warn) return -EINVAL;
  if (pool === undefined) return yield* kfence_init_late(k, nr_objects);
  change(k, { enabled: true });
  k.printk('info', 'kfence: re-enabled');
  return 0;
}

/** Effect: no more objects are given out, as after a write of 0 to kfence.sample_interval. The pool stays as it is. :65 */
export function kfence_disable(k: Kernel): void {
  if (k.kfence.get().enabled) k.printk('info', 'kfence: disabled');
  change(k, { enabled: false });
}

// ---- objects

/**
 * Returns an object, or undefined (NULL) if KFENCE is off or has none left. An object that was used before is made present
 * first, and nobody looks whether that worked: the canary is written next. Context: any. :426
 */
export function* __kfence_alloc(k: Kernel): Task<VirtualAddress | undefined> {
  const { enabled, freelist, objects } = k.kfence.get();
  const index = freelist[0];
  if (!enabled || index === undefined) return undefined;
  change(k, { freelist: freelist.slice(1) });
  const { addr, state } = objects[index]!;
  k.preempt_count[k.cpu]!++; // meta->lock
  if (state === 'FREED') yield* kfence_unprotect(k, addr);
  changeObject(k, index, { state: 'ALLOCATED' });
  k.preempt_count[k.cpu]!--;
  yield* write_kernel(k, addr); // set_canary()
  return addr;
}

/**
 * Effect: the object's page is not present, and a guard page that was opened by an access is not either. Freeing what is
 * not in use is reported, and nothing else. Context: any. :510
 */
export function* __kfence_free(k: Kernel, addr: VirtualAddress): Task<void> {
  const index = addr_to_metadata(k, addr);
  const meta = k.kfence.get().objects[index];
  if (meta?.state !== 'ALLOCATED' || meta.addr !== addr) {
    report(k, `invalid free of ${hexAddress(addr)}`);
    return;
  }
  k.preempt_count[k.cpu]!++; // meta->lock
  if (meta.unprotected_page !== 0) {
    yield* write_kernel(k, meta.unprotected_page);
    yield* kfence_protect(k, meta.unprotected_page);
  }
  changeObject(k, index, { state: 'FREED', unprotected_page: 0 });
  k.preempt_count[k.cpu]!--;
  yield* read_kernel(k, addr); // check_canary()
  yield* kfence_protect(k, addr);
  change(k, { freelist: [...k.kfence.get().freelist, index] });
}

// ---- faults

function report(k: Kernel, what: string): void {
  k.printk('err', `BUG: KFENCE: ${what}`);
}

/**
 * Effect: an access to a page of the pool that is not present is reported, and the page made present, so that the access
 * can go on. Returns false if it cannot: the address is not the pool's, or the page did not come back. :1280
 */
export function* kfence_handle_page_fault(k: Kernel, addr: VirtualAddress, is_write: boolean): Task<boolean> {
  const page = pageIndex(k, addr);
  if (page < 0) return false;
  if (!k.kfence.get().enabled) return yield* kfence_unprotect(k, addr);
  const access = is_write ? 'write' : 'read';
  const object = page % 2 !== 0 ? neighbourInUse(k, addr) : addr_to_metadata(k, addr);
  if (object < 0) report(k, `invalid ${access} at ${hexAddress(addr)}`);
  else {
    changeObject(k, object, { unprotected_page: page % 2 !== 0 ? addr : 0 });
    report(k, `${page % 2 !== 0 ? 'out-of-bounds' : 'use-after-free'} ${access} at ${hexAddress(addr)}`);
  }
  return yield* kfence_unprotect(k, addr);
}

/** The object beside a guard page that is in use, the nearer one first: on the left, as objects lie at their page's start. */
function neighbourInUse(k: Kernel, addr: VirtualAddress): number {
  const { objects } = k.kfence.get();
  const candidates = [addr - k.page_size, addr + k.page_size].map((each) => addr_to_metadata(k, each));
  return candidates.find((index) => objects[index]?.state === 'ALLOCATED') ?? -1;
}

/** The pool's page of that number, or undefined (NULL). */
export function kfence_pool_page(k: Kernel, page: number): number | undefined {
  const { pool } = k.kfence.get();
  return pool !== undefined && page < pool.end - pool.start ? pool.start + page : undefined;
}
