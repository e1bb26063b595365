import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BuddyAllocator, MAX_PAGE_ORDER, type Zone } from '../../../src/linux/mm/buddy.ts';
import type { FrameRange } from '../../../src/linux/mm/frame_allocator.ts';

const BLOCK = 2 ** MAX_PAGE_ORDER;
const ZONES: readonly Zone[] = [
  { name: 'DMA', end_pfn: 2 * BLOCK },
  { name: 'Normal', end_pfn: Number.POSITIVE_INFINITY },
];

/** The buddy system with every list written out, to compare with. */
class NaiveBuddy {
  readonly lists: number[][][];
  readonly held = new Map<number, number>();

  constructor(free: readonly FrameRange[]) {
    this.lists = ZONES.map(() => Array.from({ length: MAX_PAGE_ORDER + 1 }, () => []));
    for (const { start, end } of free) {
      for (let pfn = start; pfn < end; ) {
        const zone = this.zone(pfn);
        const stop = Math.min(end, ZONES[zone]!.end_pfn);
        let order = MAX_PAGE_ORDER;
        while (pfn % 2 ** order !== 0 || pfn + 2 ** order > stop) order--;
        this.lists[zone]![order]!.push(pfn);
        pfn += 2 ** order;
      }
    }
  }

  zone(pfn: number): number {
    return pfn < ZONES[0]!.end_pfn ? 0 : 1;
  }

  allocate(order: number): number | undefined {
    for (const zone of [1, 0]) {
      for (let from = order; from <= MAX_PAGE_ORDER; from++) {
        const pfn = this.lists[zone]![from]!.shift();
        if (pfn === undefined) continue;
        for (let half = from - 1; half >= order; half--) this.lists[zone]![half]!.unshift(pfn + 2 ** half);
        this.held.set(pfn, order);
        return pfn;
      }
    }
    return undefined;
  }

  free(pfn: number): void {
    let order = this.held.get(pfn)!;
    let first = pfn;
    this.held.delete(pfn);
    const lists = this.lists[this.zone(pfn)]!;
    while (order < MAX_PAGE_ORDER) {
      const at = lists[order]!.indexOf(first ^ (1 << order));
      if (at < 0) break;
      lists[order]!.splice(at, 1);
      first &= ~(1 << order);
      order++;
    }
    const above = (first & ~(1 << order)) ^ (1 << (order + 1));
    if (order < MAX_PAGE_ORDER - 1 && lists[order + 1]!.includes(above)) lists[order]!.push(first);
    else lists[order]!.unshift(first);
  }

  freeBlocks(): string[] {
    return this.lists.flatMap((orders) =>
      orders.flatMap((list, order) => list.map((pfn) => `${pfn}+${2 ** order}`)),
    );
  }
}

/** Free blocks in the order of their lists, those of the largest order one by one. */
function freeBlocks(buddy: BuddyAllocator): string[] {
  const blocks: string[] = [];
  for (const { start, end } of buddy.freeRanges()) {
    for (let pfn = start; pfn < end; pfn += BLOCK) blocks.push(`${pfn}+${Math.min(BLOCK, end - pfn)}`);
  }
  return blocks;
}

function observable(buddy: BuddyAllocator) {
  return { free: freeBlocks(buddy), allocated: buddy.allocatedBlocks(), held: buddy.heldFrames() };
}

type Operation = { allocate: number } | { free: number };

const someOperations = fc.array(
  fc.oneof(
    fc.record({ allocate: fc.integer({ min: 0, max: MAX_PAGE_ORDER }) }),
    fc.record({ allocate: fc.integer({ min: 0, max: 3 }) }),
    fc.record({ free: fc.nat() }),
  ) as fc.Arbitrary<Operation>,
  { maxLength: 60 },
);

const someMemory = fc
  .uniqueArray(fc.integer({ min: 0, max: 6 * BLOCK }), { minLength: 2, maxLength: 8 })
  .map((borders) => {
    const sorted = borders.sort((a, b) => a - b);
    const ranges: FrameRange[] = [];
    for (let i = 0; i + 1 < sorted.length; i += 2) ranges.push({ start: sorted[i]!, end: sorted[i + 1]! });
    return ranges;
  });

/** Allocate, or free one of what is held. What the allocations gave. */
function run(buddy: BuddyAllocator, operations: readonly Operation[]): (number | undefined)[] {
  return operations.map((operation) => {
    if ('allocate' in operation) return buddy.allocate(operation.allocate, undefined);
    const held = buddy.allocatedBlocks();
    const block = held[operation.free % Math.max(1, held.length)];
    if (block !== undefined) buddy.free(block.pfn, block.order);
    return undefined;
  });
}

describe('the buddy allocator', () => {
  it('gives every block that a naive buddy system gives, and keeps the same lists', () => {
    fc.assert(
      fc.property(someMemory, someOperations, (memory, operations) => {
        const buddy = new BuddyAllocator(memory, { zones: ZONES });
        const naive = new NaiveBuddy(memory);
        for (const operation of operations) {
          if ('allocate' in operation) {
            const expected = naive.allocate(operation.allocate);
            expect(buddy.allocate(operation.allocate, undefined)).toBe(expected);
          } else {
            const held = [...naive.held.keys()];
            const pfn = held[operation.free % Math.max(1, held.length)];
            if (pfn === undefined) continue;
            expect(buddy.free(pfn, naive.held.get(pfn)!)).toBeUndefined();
            naive.free(pfn);
          }
        }
        expect(freeBlocks(buddy)).toEqual(naive.freeBlocks());
      }),
      { numRuns: 300 },
    );
  });

  it('is as it was after an undo, and goes on as it would have', () => {
    const minorder = fc.integer({ min: 0, max: 3 });
    fc.assert(
      fc.property(someMemory, minorder, someOperations, someOperations, (memory, guards, before, after) => {
        const buddy = new BuddyAllocator(memory, { zones: ZONES, guardpage_minorder: guards });
        run(buddy, before);
        const then = observable(buddy);
        const mark = buddy.mark();
        const first = run(buddy, after);
        const later = observable(buddy);
        buddy.undo(mark);
        expect(observable(buddy)).toEqual(then);
        expect(run(buddy, after)).toEqual(first);
        expect(observable(buddy)).toEqual(later);
      }),
      { numRuns: 200 },
    );
  });

  it('has every frame free, held or neither, never two of them', () => {
    fc.assert(
      fc.property(someMemory, someOperations, (memory, operations) => {
        const buddy = new BuddyAllocator(memory, { zones: ZONES, guardpage_minorder: 2 });
        run(buddy, operations);
        const free = new Set<number>();
        for (const { start, end } of buddy.freeRanges())
          for (let pfn = start; pfn < end; pfn++) free.add(pfn);
        const held = new Set(buddy.heldFrames());
        for (let pfn = 0; pfn < 6 * BLOCK; pfn += 7) {
          const known = memory.some(({ start, end }) => pfn >= start && pfn < end);
          expect(buddy.isFree(pfn)).toBe(free.has(pfn));
          expect(buddy.ownerOf(pfn) !== undefined).toBe(held.has(pfn));
          expect(free.has(pfn) !== held.has(pfn)).toBe(known);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('has all memory free again, in as few blocks as at first, when all is freed', () => {
    fc.assert(
      fc.property(someMemory, someOperations, (memory, operations) => {
        const buddy = new BuddyAllocator(memory, { zones: ZONES, guardpage_minorder: 1 });
        const first = freeBlocks(buddy).sort();
        run(buddy, operations);
        for (const { pfn, order } of buddy.allocatedBlocks()) buddy.free(pfn, order);
        expect(freeBlocks(buddy).sort()).toEqual(first);
      }),
    );
  });

  it('costs nothing on 64 TiB until it is used', () => {
    const zones = [
      { name: 'DMA32', end_pfn: 2 ** 20 },
      { name: 'Normal', end_pfn: Number.POSITIVE_INFINITY },
    ];
    const buddy = new BuddyAllocator([{ start: 0x100, end: 2 ** 34 }], { zones });
    const atFirst = buddy.blocksKept;
    expect(atFirst).toBeLessThan(10);
    const got = Array.from({ length: 5000 }, () => buddy.allocate(0, undefined));
    expect(got[0]).toBe(2 ** 20);
    expect(got[4999]).toBe(2 ** 20 + 4999);
    expect(buddy.blocksKept).toBeLessThan(5050);
    expect(buddy.isFree(2 ** 34 - 1)).toBe(true);
    expect(buddy.isFree(2 ** 34)).toBe(false);
    expect([...buddy.freeRanges()].length).toBeLessThan(30);
  });

  it('takes from the highest zone, and from the ones below when that is empty', () => {
    const buddy = new BuddyAllocator([{ start: 0, end: 3 * BLOCK }], { zones: ZONES });
    expect(buddy.allocate(MAX_PAGE_ORDER, undefined)).toBe(2 * BLOCK);
    expect(buddy.allocate(MAX_PAGE_ORDER, undefined)).toBe(0);
  });

  it('has one zone where nobody says otherwise', () => {
    const buddy = new BuddyAllocator([{ start: 0, end: 2 ** 20 + BLOCK }]);
    expect(buddy.allocate(MAX_PAGE_ORDER, undefined)).toBe(0);
  });

  it('returns undefined when memory is exhausted', () => {
    const buddy = new BuddyAllocator([{ start: 8, end: 10 }]);
    expect(buddy.allocate(2, undefined)).toBeUndefined();
    expect(buddy.allocate(1, undefined)).toBe(8);
    expect(buddy.allocate(0, undefined)).toBeUndefined();
  });

  it('does not merge across a zone border', () => {
    const zones = [
      { name: 'low', end_pfn: 2 },
      { name: 'high', end_pfn: 4 },
    ];
    const buddy = new BuddyAllocator([{ start: 0, end: 4 }], { zones });
    expect([...buddy.freeRanges()]).toEqual([
      { start: 0, end: 2 },
      { start: 2, end: 4 },
    ]);
    const pfn = buddy.allocate(1, undefined)!;
    buddy.free(pfn, 1);
    expect([...buddy.freeRanges()]).toHaveLength(2);
  });

  it('knows whose a frame is', () => {
    const buddy = new BuddyAllocator([{ start: 0, end: 64 }]);
    const table = buddy.allocate(0, { level: 1, address: 0 })!;
    const buffer = buddy.allocate(2, undefined, 'driver')!;
    expect(buddy.ownerOf(table)).toBe('page table');
    expect(buddy.ownerOf(buffer + 3)).toBe('driver');
    expect(buddy.ownerOf(buffer + 4)).toBeUndefined();
  });

  it('refuses to free what is free, not its own, not a first page, or of another order', () => {
    const buddy = new BuddyAllocator([{ start: 0, end: 64 }]);
    const pfn = buddy.allocate(2, undefined)!;
    const before = observable(buddy);
    expect(buddy.free(pfn + 8, 0)).toEqual({ code: 'already-free', pfn: pfn + 8, order: 0 });
    expect(buddy.free(100, 0)).toEqual({ code: 'not-allocated', pfn: 100, order: 0 });
    expect(buddy.free(pfn + 1, 0)).toMatchObject({ code: 'not-its-first-page', block: pfn });
    expect(buddy.free(pfn, 1)).toMatchObject({ code: 'wrong-order', allocated: 2 });
    expect(observable(buddy)).toEqual(before);
    expect(buddy.free(pfn, 2)).toBeUndefined();
    expect(buddy.free(pfn, 2)).toMatchObject({ code: 'already-free' });
  });

  it('lets a split block be freed page by page, and a frame of boot be adopted', () => {
    const buddy = new BuddyAllocator([{ start: 0, end: 4 }]);
    const pfn = buddy.allocate(2, undefined, 'vmalloc')!;
    buddy.split(pfn);
    for (const page of [2, 0, 3, 1]) expect(buddy.free(pfn + page, 0)).toBeUndefined();
    expect([...buddy.freeRanges()]).toEqual([{ start: 0, end: 4 }]);
    expect(buddy.adopt(1, 0, 'boot')).toBe(false);
    expect(buddy.adopt(9, 0, 'boot')).toBe(true);
    expect(buddy.free(9, 0)).toBeUndefined();
    expect(buddy.isFree(9)).toBe(true);
  });
});

describe('guard pages', () => {
  it('are the halves below the minimum order that a split leaves', () => {
    const buddy = new BuddyAllocator([{ start: 0, end: 16 }], { guardpage_minorder: 2 });
    expect(buddy.allocate(0, undefined)).toBe(0);
    expect([...buddy.freeRanges()]).toEqual([
      { start: 4, end: 8 },
      { start: 8, end: 16 },
    ]);
    expect([1, 2, 3].map((pfn) => buddy.ownerOf(pfn))).toEqual(['guard', 'guard', 'guard']);
  });

  it('are marked at their first page alone', () => {
    const buddy = new BuddyAllocator([{ start: 0, end: 16 }], { guardpage_minorder: 2 });
    buddy.allocate(0, undefined);
    expect([0, 1, 2, 3, 4].map((pfn) => buddy.isGuard(pfn))).toEqual([false, true, true, false, false]);
  });

  it('vanish when their buddy is freed', () => {
    const buddy = new BuddyAllocator([{ start: 0, end: 16 }], { guardpage_minorder: 3 });
    const pfn = buddy.allocate(0, undefined)!;
    buddy.free(pfn, 0);
    expect([...buddy.freeRanges()]).toEqual([{ start: 0, end: 16 }]);
    expect(buddy.heldFrames()).toEqual([]);
  });
});
