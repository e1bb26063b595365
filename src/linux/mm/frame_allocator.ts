/** Where pages come from, seen from the kernel's code. */

import type { Undoable } from '../../memory/journalled.ts';
import type { TablePurpose } from '../task.ts';

/** Whose a frame is that was allocated with a purpose. */
export const PAGE_TABLE_OWNER = 'page table';

/** Page frames [start, end). */
export interface FrameRange {
  start: number;
  end: number;
}

export interface FrameAllocator extends Undoable {
  /**
   * First frame of a free, aligned block of 2^order pages, now no longer free; undefined if there is none.
   * `purpose` tells what it is for, where that is known, and `owner` whose it is from now on.
   */
  allocate(order: number, purpose: TablePurpose | undefined, owner?: string): number | undefined;
  /** Give back a block got from `allocate`. */
  free(pfn: number, order: number): void;
  /** Take note of a block given back in a bad state, which nobody will get again. */
  lose?(pfn: number, order: number): void;
  /** What it knows of each frame. A replay, which hands out what the real kernel chose, knows nothing. */
  readonly book?: FrameBook;
}

/** Who has which frame. */
export interface FrameBook {
  /** Whether the frame is in a free list. */
  isFree(pfn: number): boolean;
  /** Whether the frame is the first of a guard block: the kernel marks no other. */
  isGuard(pfn: number): boolean;
  /** Whose it is: what `allocate` was told, 'guard', or undefined if it is free or never was the allocator's. */
  ownerOf(pfn: number): string | undefined;
  /** What is wrong with freeing 2^order pages from `pfn`, if anything. */
  problemFreeing(pfn: number, order: number): FreeProblem | undefined;
  /** Everything in the free lists: zone by zone, smallest blocks first, each list from its head. */
  freeRanges(): Iterable<FrameRange>;
  /** Every frame that was given out and not given back, and every guard, ascending. */
  heldFrames(): number[];
  /** Take note of 2^order frames that it never had, so that they can be freed. False if it has one of them. */
  adopt(pfn: number, order: number, owner: string): boolean;
  /** Forget [start, end), all of it free, which is nobody's then. False, with nothing done, if some of it is not free. */
  isolate?(start: number, end: number): boolean;
  /** Make of one allocated block as many single pages, which can be freed one by one. */
  split(pfn: number): void;
}

/** Why a block cannot be freed. */
export type FreeProblem =
  | { code: 'already-free'; pfn: number; order: number }
  | { code: 'not-allocated'; pfn: number; order: number }
  | { code: 'not-its-first-page'; pfn: number; order: number; block: number }
  | { code: 'wrong-order'; pfn: number; order: number; allocated: number };

/** The problem in the words of a kernel log. */
export function describeFreeProblem(problem: FreeProblem): string {
  switch (problem.code) {
    case 'already-free':
      return 'it is free already';
    case 'not-allocated':
      return 'it was never allocated';
    case 'not-its-first-page':
      return `it lies inside of the block at pfn:${problem.block.toString(16)}`;
    case 'wrong-order':
      return `freed with order ${problem.order}, allocated with order ${problem.allocated}`;
  }
}
