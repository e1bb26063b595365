/**
 * Virtually contiguous memory, as far as it bears on the direct map (mm/vmalloc.c): areas of single pages with a
 * mapping of their own, and what vfree() does to the direct map's alias of each page.
 *
 * Not modelled: the purge of unmapped areas when there are many of them, per-CPU blocks (vm_map_ram()), deferred
 * freeing, and memory for the page array. Pages are taken one at a time; v7.2 asks for larger blocks first. An area
 * takes the lowest addresses that are free; a real kernel's lie elsewhere.
 */

import { hexAddress, type VirtualAddress } from '../../mmu/format.ts';
import { ENOMEM } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task.ts';
import { __free_pages, alloc_pages, GFP_KERNEL, split_page } from './page_alloc.ts';
import { vmap_pages_range_noflush, vunmap_range_noflush } from './vmap.ts';

/** Made by vmalloc(), not by ioremap() or vmap(). */
export const VM_ALLOC = 0x2;
/** The direct map is reset when the area is freed. */
export const VM_FLUSH_RESET_PERMS = 0x100;
/** Large leaves are welcome. */
export const VM_ALLOW_HUGE_VMAP = 0x400;

/** An area. Never changed: a change makes a new one. */
export interface vm_struct {
  readonly addr: VirtualAddress;
  /** In bytes, with the guard page at its end. */
  readonly size: number;
  readonly pages: readonly number[];
  readonly flags: number;
  /** By leaves of 2^page_order pages it was mapped at first, whatever has been split or collapsed since. */
  readonly page_order: number;
  /** Unmapped, and not flushed yet: the addresses are not free, and a TLB may still map them. */
  readonly lazily_freed: boolean;
}

// ---- flushing

/** Effect: no translation of an unmapped area is left in any TLB, and none of [start, end) if `flush`. :2965 */
function* _vm_unmap_aliases(
  k: Kernel,
  start: VirtualAddress,
  end: VirtualAddress,
  flush: boolean,
): Task<void> {
  k.might_sleep('vm_unmap_aliases');
  const lazy = [...k.vmap_areas.entries()].map(([, area]) => area).filter((area) => area.lazily_freed);
  const first = lazy.reduce((lowest, area) => Math.min(lowest, area.addr), start);
  const last = lazy.reduce((highest, area) => Math.max(highest, area.addr + area.size), end);
  if (lazy.length > 0 || flush) yield* k.flush_tlb_kernel_range(first, last);
  for (const area of lazy) k.vmap_areas.delete(area.addr);
}

/** Effect: no lazily freed mapping of any page is left in a TLB. Context: takes a mutex, so it may sleep. :3030 */
export function* vm_unmap_aliases(k: Kernel): Task<void> {
  yield* _vm_unmap_aliases(k, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, false);
}

// ---- areas

/** The area that `addr` lies in, at its start or not. :3314 */
export function find_vm_area(k: Kernel, addr: VirtualAddress): vm_struct | undefined {
  for (const [, area] of k.vmap_areas.entries()) {
    if (!area.lazily_freed && addr >= area.addr && addr < area.addr + area.size) return area;
  }
  return undefined;
}

/** :3136 */
export function get_vm_area_page_order({ page_order }: vm_struct): number {
  return page_order;
}

/** Effect: the area's direct-map aliases are reset when it is freed. vmalloc.h:297 (v7.2) */
export function set_vm_flush_reset_perms(k: Kernel, addr: VirtualAddress): void {
  const area = find_vm_area(k, addr);
  if (area !== undefined) k.vmap_areas.set(area.addr, { ...area, flags: area.flags | VM_FLUSH_RESET_PERMS });
}

/** The page behind an address of an area, or undefined (NULL). :821 */
export function vmalloc_to_page(k: Kernel, address: VirtualAddress): number | undefined {
  const area = find_vm_area(k, address);
  return area?.pages[Math.floor((address - area.addr) / k.page_size)];
}

/** The lowest free addresses for `size` bytes, as the start of an area. Undefined if there are none. :2045 */
function* alloc_vmap_area(k: Kernel, size: number, align: number): Task<VirtualAddress | undefined> {
  const addr = lowestFree(k, size, align);
  if (addr !== undefined) return addr;
  yield* vm_unmap_aliases(k);
  return lowestFree(k, size, align);
}

function lowestFree(k: Kernel, size: number, align: number): VirtualAddress | undefined {
  const areas = [...k.vmap_areas.entries()].map(([, area]) => area).sort((a, b) => a.addr - b.addr);
  let addr = Math.ceil(k.VMALLOC_START / align) * align;
  for (const area of areas) {
    if (addr + size <= area.addr) break;
    addr = Math.max(addr, Math.ceil((area.addr + area.size) / align) * align);
  }
  return addr + size <= k.VMALLOC_END ? addr : undefined;
}

/** Effect: the area is mapped nowhere. Its addresses are free after the next flush. :3335 */
function* remove_vm_area(k: Kernel, area: vm_struct): Task<void> {
  yield* vunmap_range_noflush(k, area.addr, area.addr + area.size);
  if (k.debug_pagealloc_key) yield* k.flush_tlb_kernel_range(area.addr, area.addr + area.size);
  k.vmap_areas.set(area.addr, { ...area, lazily_freed: true });
}

// ---- freeing

/**
 * Effect: no TLB maps the area's pages any more, neither here nor in the direct map, where they are present and
 * writable again. Nobody looks at what the two passes over the direct map return. :3374
 */
function* vm_reset_perms(k: Kernel, { pages }: vm_struct): Task<void> {
  const start = pages.reduce(
    (lowest, page) => Math.min(lowest, k.page_address(page)),
    Number.POSITIVE_INFINITY,
  );
  const end = pages.reduce(
    (highest, page) => Math.max(highest, k.page_address(page) + k.page_size),
    Number.NEGATIVE_INFINITY,
  );
  for (const page of pages) yield* k.set_direct_map_invalid_noflush(page);
  yield* _vm_unmap_aliases(k, start, end, pages.length > 0);
  for (const page of pages) yield* k.set_direct_map_default_noflush(page);
}

/** Effect: the area and its pages are free. Context: may sleep. :3484 */
export function* vfree(k: Kernel, addr: VirtualAddress): Task<void> {
  k.might_sleep('vfree');
  const area = find_vm_area(k, addr);
  if (area === undefined) {
    k.warn(`Trying to vfree() nonexistent vm area (${hexAddress(addr)})`);
    return;
  }
  yield* remove_vm_area(k, area);
  if ((area.flags & VM_FLUSH_RESET_PERMS) !== 0) yield* vm_reset_perms(k, area);
  for (const page of area.pages) yield* __free_pages(k, page, 0);
}

// ---- allocating

/** Effect: `nr_pages` more pages in the area. Failure: fewer, which are the area's all the same. :3668 */
function* vm_area_alloc_pages(k: Kernel, area: vm_struct, nr_pages: number, order: number): Task<vm_struct> {
  const pages: number[] = [];
  while (pages.length < nr_pages) {
    const page = yield* alloc_pages(k, GFP_KERNEL, order, undefined, 'vmalloc');
    if (page === undefined) break;
    if (order > 0) split_page(k, page, order);
    for (let i = 0; i < 2 ** order; i++) pages.push(page + i);
  }
  const filled = { ...area, pages };
  k.vmap_areas.set(area.addr, filled);
  return filled;
}

/** Effect: the area has its pages, mapped. Failure: -ENOMEM, and the area is gone. :3865 */
function* __vmalloc_area_node(k: Kernel, area: vm_struct, nr_pages: number, order: number): Task<number> {
  const filled = yield* vm_area_alloc_pages(k, area, nr_pages, order);
  const complete = filled.pages.length === nr_pages;
  if (complete && (yield* vmap_pages_range_noflush(k, area.addr, filled.pages, order)) === 0) return 0;
  if (complete || order === 0) {
    const what = complete ? 'map' : 'allocate';
    k.printk('warn', `vmalloc error: size ${nr_pages * k.page_size}, failed to ${what} pages`);
  }
  yield* vfree(k, area.addr);
  return -ENOMEM;
}

/**
 * Effect: an area of `nr_pages` pages, PAGE_KERNEL, by 2M leaves if asked for and possible, else by 4K. Failure:
 * undefined (NULL). Context: may sleep. :4025
 */
export function* __vmalloc_node_range(
  k: Kernel,
  nr_pages: number,
  vm_flags: number,
): Task<VirtualAddress | undefined> {
  k.might_sleep('vmalloc');
  const pmd_order = k.format.levelShift(2) - k.format.pageShift;
  const allowed = k.has['huge-vmalloc'] && k.arch_has_huge_vmalloc && (vm_flags & VM_ALLOW_HUGE_VMAP) !== 0;
  const huge = allowed && nr_pages >= 2 ** pmd_order;
  for (const order of huge ? [pmd_order, 0] : [0]) {
    const count = Math.ceil(nr_pages / 2 ** order) * 2 ** order;
    const size = (count + 1) * k.page_size;
    const addr = yield* alloc_vmap_area(k, size, k.page_size * 2 ** order);
    if (addr === undefined) {
      k.printk('warn', `vmalloc error: size ${size}, vm_struct allocation failed`);
      continue;
    }
    const area: vm_struct = {
      addr,
      size,
      pages: [],
      flags: vm_flags | VM_ALLOC,
      page_order: order,
      lazily_freed: false,
    };
    k.vmap_areas.set(addr, area);
    if ((yield* __vmalloc_area_node(k, area, count, order)) === 0) return addr;
  }
  return undefined;
}

/** Effect: as above, with the flags of kernel text: VM_FLUSH_RESET_PERMS and so on, or none. :4198 */
export function* vmalloc(k: Kernel, nr_pages: number, vm_flags = 0): Task<VirtualAddress | undefined> {
  return yield* __vmalloc_node_range(k, nr_pages, vm_flags);
}
