/**
 * The buddy allocator (mm/page_alloc.c): which frame an allocation gets, and who has which frame.
 *
 * As in the kernel: the highest zone first, then the ones below; of a zone the smallest block that will do, from the
 * head of its list; a split puts the upper halves at the head of theirs; a freed block merges with its free buddies
 * and goes to the head, or to the tail if a larger merge is in sight. Boot's blocks lie in ascending order.
 *
 * Lazy: boot's blocks of the largest order are not there one by one, but as a position in boot's free ranges, which
 * are used up in ascending order. Memory is proportional to what was split, allocated and freed.
 *
 * Not modelled: migrate types, per-CPU lists, watermarks and reclaim. A real kernel places a page elsewhere because
 * of them, never a page that is not free.
 */

import type { TablePurpose } from '../task.ts';
import { clear_page_guard, type GuardedBlocks, set_page_guard } from './debug_page_alloc.ts';
import {
  type FrameAllocator,
  type FrameBook,
  type FrameRange,
  type FreeProblem,
  PAGE_TABLE_OWNER,
} from './frame_allocator.ts';

export const MAX_PAGE_ORDER = 10;
const NR_PAGE_ORDERS = MAX_PAGE_ORDER + 1;
const MAX_ORDER_PAGES = 2 ** MAX_PAGE_ORDER;

export interface Zone {
  name: string;
  /** One past its last frame. It begins where the zone below ends. */
  end_pfn: number;
}

/** Where all memory is alike. */
export const ONE_ZONE: readonly Zone[] = [{ name: 'Normal', end_pfn: Number.POSITIVE_INFINITY }];

/** Where a list ends. */
const NONE = -1;

/** A block that has been touched, by its first frame. Never changed: a change makes a new one. */
type Block =
  | { state: 'free'; order: number; prev: number; next: number }
  | { state: 'guard'; order: number }
  | { state: 'allocated'; order: number; owner: string };

/** First and last block of a free list, or NONE. Never changed. */
interface FreeList {
  first: number;
  last: number;
}

/** The first block of the largest order that was never touched, and the run it lies in. Never changed. */
interface Untouched {
  run: number;
  pfn: number;
}

type JournalEntry =
  | { what: 'block'; at: number; was: Block | undefined }
  | { what: 'list'; at: number; was: FreeList }
  | { what: 'untouched'; at: number; was: Untouched };

export interface AllocatedBlock {
  pfn: number;
  order: number;
  owner: string;
}

export class BuddyAllocator implements FrameAllocator, FrameBook, GuardedBlocks {
  readonly book = this;
  readonly guardpage_minorder: number;

  readonly #zones: readonly Zone[];
  /** By zone: boot's free memory in whole blocks of the largest order, ascending. */
  readonly #runs: FrameRange[][];
  /** By zone: how much of it is left. Once a block is allocated it lives in `#blocks`. */
  readonly #untouched: Untouched[];
  readonly #blocks = new Map<number, Block>();
  /** By zone and order. */
  readonly #lists: FreeList[];
  readonly #journal: JournalEntry[] = [];

  /** `free`: what boot has released. Frames of the ranges belong to the allocator from now on. */
  constructor(
    free: Iterable<FrameRange>,
    options: { zones?: readonly Zone[]; guardpage_minorder?: number } = {},
  ) {
    this.#zones = options.zones ?? ONE_ZONE;
    this.guardpage_minorder = options.guardpage_minorder ?? 0;
    this.#runs = this.#zones.map(() => []);
    this.#lists = this.#zones.flatMap(() =>
      Array.from({ length: NR_PAGE_ORDERS }, () => ({ first: NONE, last: NONE })),
    );
    for (const range of joined(free)) this.#release(range);
    this.#untouched = this.#runs.map((runs) => ({ run: 0, pfn: runs[0]?.start ?? NONE }));
    this.#journal.length = 0;
  }

  // ---- allocating

  allocate(order: number, purpose: TablePurpose | undefined, owner?: string): number | undefined {
    for (let zone = this.#zones.length - 1; zone >= 0; zone--) {
      const pfn = this.#rmqueue_smallest(zone, order);
      if (pfn === undefined) continue;
      const name = owner ?? (purpose === undefined ? 'kernel' : PAGE_TABLE_OWNER);
      this.#setBlock(pfn, { state: 'allocated', order, owner: name });
      return pfn;
    }
    return undefined;
  }

  /** page_alloc.c:1892 (v7.2) */
  #rmqueue_smallest(zone: number, order: number): number | undefined {
    for (let current = order; current <= MAX_PAGE_ORDER; current++) {
      const pfn = this.#takeFirst(zone, current);
      if (pfn === undefined) continue;
      this.#expand(zone, pfn, order, current);
      return pfn;
    }
    return undefined;
  }

  /** The block at the head of a list, taken out of it. */
  #takeFirst(zone: number, order: number): number | undefined {
    const { first } = this.#lists[listOf(zone, order)]!;
    if (first !== NONE) {
      this.#del_page_from_free_list(zone, first);
      return first;
    }
    return order === MAX_PAGE_ORDER ? this.#takeUntouched(zone) : undefined;
  }

  #takeUntouched(zone: number): number | undefined {
    const { run, pfn } = this.#untouched[zone]!;
    const runs = this.#runs[zone]!;
    if (run === runs.length) return undefined;
    const next = pfn + MAX_ORDER_PAGES;
    this.#setUntouched(
      zone,
      next < runs[run]!.end ? { run, pfn: next } : { run: run + 1, pfn: runs[run + 1]?.start ?? NONE },
    );
    return pfn;
  }

  /** Effect: of a block of order `high` all but the first 2^low pages is free again, or guards. page_alloc.c:1702 */
  #expand(zone: number, pfn: number, low: number, high: number): void {
    for (let order = high - 1; order >= low; order--) {
      const half = pfn + 2 ** order;
      if (!set_page_guard(this, half, order)) this.#add_to_free_list(zone, half, order, false);
    }
  }

  // ---- freeing

  /** Returns the problem, with nothing done, if there is one. */
  free(pfn: number, order: number): FreeProblem | undefined {
    const problem = this.problemFreeing(pfn, order);
    if (problem === undefined) {
      this.#setBlock(pfn, undefined);
      this.#free_one_page(this.#zoneOf(pfn), pfn, order);
    }
    return problem;
  }

  /** page_alloc.c:936 (v7.2) */
  #free_one_page(zone: number, freed: number, freedOrder: number): void {
    let pfn = freed;
    let order = freedOrder;
    for (; order < MAX_PAGE_ORDER; order++) {
      const buddy = buddyOf(pfn, order);
      const block = this.#find_buddy(zone, buddy, order);
      if (block === undefined) break;
      if (block.state === 'guard') clear_page_guard(this, buddy);
      else this.#del_page_from_free_list(zone, buddy);
      pfn = Math.min(pfn, buddy);
    }
    this.#add_to_free_list(zone, pfn, order, this.#buddy_merge_likely(zone, pfn, order));
  }

  /** Whether the next larger block's buddy is free too, so that this block had better not be used. page_alloc.c:885 */
  #buddy_merge_likely(zone: number, pfn: number, order: number): boolean {
    if (order >= MAX_PAGE_ORDER - 1) return false;
    const higher = Math.min(pfn, buddyOf(pfn, order));
    return this.#find_buddy(zone, buddyOf(higher, order + 1), order + 1) !== undefined;
  }

  /** The block at `pfn`, if it is free or a guard, of this order, and in the zone. */
  #find_buddy(zone: number, pfn: number, order: number): Block | undefined {
    const block = this.#blocks.get(pfn);
    if (block === undefined || block.state === 'allocated' || block.order !== order) return undefined;
    return this.#zoneOf(pfn) === zone ? block : undefined;
  }

  setGuard(pfn: number, order: number): void {
    this.#setBlock(pfn, { state: 'guard', order });
  }

  clearGuard(pfn: number): void {
    this.#setBlock(pfn, undefined);
  }

  split(pfn: number): void {
    const block = this.#blocks.get(pfn);
    if (block?.state !== 'allocated') return;
    for (let page = pfn; page < pfn + 2 ** block.order; page++) this.#setBlock(page, { ...block, order: 0 });
  }

  adopt(pfn: number, order: number, owner: string): boolean {
    for (let page = pfn; page < pfn + 2 ** order; page++) {
      if (this.#blockWith(page) !== undefined || this.#isUntouched(page)) return false;
    }
    this.#setBlock(pfn, { state: 'allocated', order, owner });
    return true;
  }

  isolate(start: number, end: number): boolean {
    const blocks: number[] = [];
    for (let pfn = start; pfn < end; ) {
      const block = this.#blocks.get(pfn);
      if (block?.state !== 'free' || pfn + 2 ** block.order > end) return false;
      blocks.push(pfn);
      pfn += 2 ** block.order;
    }
    for (const pfn of blocks) this.#del_page_from_free_list(this.#zoneOf(pfn), pfn);
    return true;
  }

  // ---- the book

  isFree(pfn: number): boolean {
    return this.#isUntouched(pfn) || this.#blockWith(pfn)?.block.state === 'free';
  }

  isGuard(pfn: number): boolean {
    return this.#blocks.get(pfn)?.state === 'guard';
  }

  ownerOf(pfn: number): string | undefined {
    const block = this.#blockWith(pfn)?.block;
    if (block?.state === 'allocated') return block.owner;
    return block?.state === 'guard' ? 'guard' : undefined;
  }

  problemFreeing(pfn: number, order: number): FreeProblem | undefined {
    const found = this.#blockWith(pfn);
    if (found === undefined) {
      return { code: this.#isUntouched(pfn) ? 'already-free' : 'not-allocated', pfn, order };
    }
    const { first, block } = found;
    if (block.state !== 'allocated') return { code: 'already-free', pfn, order };
    if (first !== pfn) return { code: 'not-its-first-page', pfn, order, block: first };
    if (block.order !== order) return { code: 'wrong-order', pfn, order, allocated: block.order };
    return undefined;
  }

  *freeRanges(): Generator<FrameRange> {
    for (let zone = 0; zone < this.#zones.length; zone++) {
      for (let order = 0; order <= MAX_PAGE_ORDER; order++) {
        let pfn = this.#lists[listOf(zone, order)]!.first;
        for (; pfn !== NONE; pfn = this.#freeBlock(pfn).next) yield { start: pfn, end: pfn + 2 ** order };
      }
      const { run: current, pfn } = this.#untouched[zone]!;
      for (const [run, { start, end }] of this.#runs[zone]!.entries()) {
        if (run >= current) yield { start: run === current ? pfn : start, end };
      }
    }
  }

  /** Ascending. */
  allocatedBlocks(): AllocatedBlock[] {
    const found: AllocatedBlock[] = [];
    for (const [pfn, block] of this.#blocks) {
      if (block.state === 'allocated') found.push({ pfn, order: block.order, owner: block.owner });
    }
    return found.sort((a, b) => a.pfn - b.pfn);
  }

  heldFrames(): number[] {
    const frames: number[] = [];
    for (const [pfn, block] of this.#blocks) {
      if (block.state === 'free') continue;
      for (let page = pfn; page < pfn + 2 ** block.order; page++) frames.push(page);
    }
    return frames.sort((a, b) => a - b);
  }

  /** How many blocks have been touched: what the allocator costs. */
  get blocksKept(): number {
    return this.#blocks.size;
  }

  mark(): number {
    return this.#journal.length;
  }

  undo(mark: number): void {
    while (this.#journal.length > mark) {
      const entry = this.#journal.pop()!;
      if (entry.what === 'list') this.#lists[entry.at] = entry.was;
      else if (entry.what === 'untouched') this.#untouched[entry.at] = entry.was;
      else if (entry.was === undefined) this.#blocks.delete(entry.at);
      else this.#blocks.set(entry.at, entry.was);
    }
  }

  // ---- boot

  /** Effect: the range is free, cut at zone borders and into the largest aligned blocks. */
  #release({ start, end }: FrameRange): void {
    for (let pfn = start; pfn < end; ) {
      const zone = this.#zoneOf(pfn);
      const stop = Math.min(end, this.#zones[zone]!.end_pfn);
      const order = largestOrder(pfn, stop);
      if (order < MAX_PAGE_ORDER) {
        this.#add_to_free_list(zone, pfn, order, true);
        pfn += 2 ** order;
      } else {
        const last = Math.floor(stop / MAX_ORDER_PAGES) * MAX_ORDER_PAGES;
        this.#runs[zone]!.push({ start: pfn, end: last });
        pfn = last;
      }
    }
  }

  // ---- lists and blocks

  #add_to_free_list(zone: number, pfn: number, order: number, tail: boolean): void {
    const at = listOf(zone, order);
    const { first, last } = this.#lists[at]!;
    const block = { state: 'free', order, prev: tail ? last : NONE, next: tail ? NONE : first } as const;
    this.#setBlock(pfn, block);
    if (block.prev !== NONE) this.#setBlock(block.prev, { ...this.#freeBlock(block.prev), next: pfn });
    if (block.next !== NONE) this.#setBlock(block.next, { ...this.#freeBlock(block.next), prev: pfn });
    this.#setList(at, {
      first: block.prev === NONE ? pfn : first,
      last: block.next === NONE ? pfn : last,
    });
  }

  #del_page_from_free_list(zone: number, pfn: number): void {
    const { order, prev, next } = this.#freeBlock(pfn);
    const at = listOf(zone, order);
    const { first, last } = this.#lists[at]!;
    this.#setBlock(pfn, undefined);
    if (prev !== NONE) this.#setBlock(prev, { ...this.#freeBlock(prev), next });
    if (next !== NONE) this.#setBlock(next, { ...this.#freeBlock(next), prev });
    this.#setList(at, { first: prev === NONE ? next : first, last: next === NONE ? prev : last });
  }

  #freeBlock(pfn: number): Extract<Block, { state: 'free' }> {
    return this.#blocks.get(pfn) as Extract<Block, { state: 'free' }>;
  }

  /** The touched block that a frame lies in. */
  #blockWith(pfn: number): { first: number; block: Block } | undefined {
    for (let order = 0; order <= MAX_PAGE_ORDER; order++) {
      const first = pfn - (pfn % 2 ** order);
      const block = this.#blocks.get(first);
      if (block !== undefined && first + 2 ** block.order > pfn) return { first, block };
    }
    return undefined;
  }

  #isUntouched(pfn: number): boolean {
    const zone = this.#zoneOf(pfn);
    const { run: current, pfn: next } = this.#untouched[zone]!;
    const run = lastStartingBy(this.#runs[zone]!, pfn);
    return run >= current && pfn < this.#runs[zone]![run]!.end && (run > current || pfn >= next);
  }

  /** Frames beyond the last zone count as its own. */
  #zoneOf(pfn: number): number {
    const zone = this.#zones.findIndex(({ end_pfn }) => pfn < end_pfn);
    return zone < 0 ? this.#zones.length - 1 : zone;
  }

  #setBlock(at: number, block: Block | undefined): void {
    this.#journal.push({ what: 'block', at, was: this.#blocks.get(at) });
    if (block === undefined) this.#blocks.delete(at);
    else this.#blocks.set(at, block);
  }

  #setList(at: number, list: FreeList): void {
    this.#journal.push({ what: 'list', at, was: this.#lists[at]! });
    this.#lists[at] = list;
  }

  #setUntouched(at: number, untouched: Untouched): void {
    this.#journal.push({ what: 'untouched', at, was: this.#untouched[at]! });
    this.#untouched[at] = untouched;
  }
}

function listOf(zone: number, order: number): number {
  return zone * NR_PAGE_ORDERS + order;
}

/** A frame number may have more than 32 bits, so no exclusive or. */
function buddyOf(pfn: number, order: number): number {
  const pages = 2 ** order;
  return (pfn / pages) % 2 === 0 ? pfn + pages : pfn - pages;
}

/** The order of the largest aligned block that begins at `pfn` and ends by `end`. */
function largestOrder(pfn: number, end: number): number {
  let order = 0;
  while (order < MAX_PAGE_ORDER && pfn % 2 ** (order + 1) === 0 && pfn + 2 ** (order + 1) <= end) order++;
  return order;
}

/** Index of the last range that starts at or before `pfn`, or -1. Ranges ascend. */
function lastStartingBy(ranges: readonly FrameRange[], pfn: number): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges[middle]!.start <= pfn) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Ranges ascending, empty ones dropped, those that touch made one. */
function joined(ranges: Iterable<FrameRange>): FrameRange[] {
  const result: FrameRange[] = [];
  for (const { start, end } of [...ranges].sort((a, b) => a.start - b.start)) {
    const last = result.at(-1);
    if (start >= end) continue;
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else result.push({ start, end });
  }
  return result;
}
