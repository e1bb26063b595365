/**
 * Guard pages: what debug_guardpage_minorder= leaves between allocations (mm/debug_page_alloc.c; page_alloc.c before
 * v6.4). A guard is the half of a split block that nobody gets. It was unmapped when its block was freed and stays so.
 */

import type { Kernel } from '../kernel.ts';

/** Where the allocator notes its guards. */
export interface GuardedBlocks {
  /** Halves below this order become guards; 0 for none. */
  readonly guardpage_minorder: number;
  setGuard(pfn: number, order: number): void;
  clearGuard(pfn: number): void;
}

/** Whether splitting leaves guards: the boot parameter counts with debug_pagealloc only. mm.h:4759 (v7.2) */
export function debug_guardpage_enabled(k: Kernel): boolean {
  return k.boot.debug_pagealloc && k.boot.debug_guardpage_minorder > 0;
}

/** For the allocator's constructor. */
export function debug_guardpage_minorder(k: Kernel): number {
  return debug_guardpage_enabled(k) ? k.boot.debug_guardpage_minorder : 0;
}

/** Effect: the block is a guard, in no free list. False, with nothing done, if it is too large. debug_page_alloc.c:34 */
export function set_page_guard(blocks: GuardedBlocks, pfn: number, order: number): boolean {
  if (order >= blocks.guardpage_minorder) return false;
  blocks.setGuard(pfn, order);
  return true;
}

/** Effect: the guard is gone, about to become part of a larger free block. debug_page_alloc.c:46 */
export function clear_page_guard(blocks: GuardedBlocks, pfn: number): void {
  blocks.clearGuard(pfn);
}

/** Of a guard block only the first page says that it is one. mm.h:4764 (v7.2) */
export function page_is_guard(k: Kernel, pfn: number): boolean {
  return k.frames.book?.isGuard(pfn) ?? false;
}
