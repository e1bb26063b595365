import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NamedFrames } from '../../../src/check/machine/frames.ts';
import { PAGE_TABLE_OWNER } from '../../../src/linux/mm/frame_allocator.ts';
import type { TablePurpose } from '../../../src/linux/task.ts';
import { SimulatedMemory } from '../../../src/memory/simulated_memory.ts';

const FIRST_PAGE = 0x100;
const PAGES = 8;

function make(pagesFree = false): { memory: SimulatedMemory; frames: NamedFrames } {
  const memory = new SimulatedMemory();
  const frames = new NamedFrames(memory, {
    pages: Array.from({ length: PAGES }, (_, i) => FIRST_PAGE + i),
    tables: from(0x1000),
    pagesFree,
  });
  return { memory, frames };
}

function* from(first: number): Generator<number> {
  for (let frame = first; ; frame++) yield frame;
}

const purpose: fc.Arbitrary<TablePurpose> = fc.record({
  level: fc.integer({ min: 1, max: 3 }),
  address: fc.integer({ min: 0, max: 3 }).map((i) => i * 0x20_0000 - 2 ** 47),
});
const nameOf = ({ level, address }: TablePurpose) => `${level} ${address}`;

/** Purposes without repetition, and the same in another order. */
const twoOrders = fc
  .uniqueArray(purpose, { selector: nameOf, minLength: 1 })
  .chain((purposes) =>
    fc.tuple(
      fc.constant(purposes),
      fc.shuffledSubarray(purposes, { minLength: purposes.length, maxLength: purposes.length }),
    ),
  );

test('a table lies in the frame that its purpose names, in whatever order tables are made', () => {
  fc.assert(
    fc.property(twoOrders, ([some, other]) => {
      const { memory, frames } = make();
      const start = memory.mark();
      const first = new Map(some.map((each) => [nameOf(each), frames.allocate(0, each)]));
      const hash = memory.hash;
      expect(new Set(first.values()).size).toBe(some.length);
      memory.undo(start);
      for (const each of other) expect(frames.allocate(0, each)).toBe(first.get(nameOf(each)));
      expect(memory.hash).toBe(hash);
    }),
  );
});

test('whoever wants a table for a purpose that is taken gets another, and always the same other', () => {
  fc.assert(
    fc.property(purpose, fc.integer({ min: 2, max: 5 }), fc.nat(), (wanted, times, which) => {
      const { frames } = make();
      const taken = Array.from({ length: times }, () => frames.allocate(0, wanted)!);
      expect(new Set(taken).size).toBe(times);
      for (const frame of taken) expect(frames.purposeOf(frame)).toEqual(wanted);
      const back = taken[which % times]!;
      frames.free(back, 0);
      expect(frames.allocate(0, wanted)).toBe(back);
    }),
  );
});

test('a page table that is given back is cleared, and known to be nobody’s', () => {
  const { memory, frames } = make();
  const table = frames.allocate(0, { level: 1, address: 0 })!;
  memory.write(table * 4096 + 8, 0x163, 0x8000_0000);
  expect(frames.book.ownerOf(table)).toBe(PAGE_TABLE_OWNER);
  expect(frames.wasGivenBack(table)).toBe(false);
  frames.free(table, 0);
  expect(memory.word(table * 4096 + 8)).toBe(0n);
  expect(frames.wasGivenBack(table)).toBe(true);
  expect(frames.book.ownerOf(table)).toBeUndefined();
  expect(frames.book.problemFreeing(table, 0)).toEqual({ code: 'already-free', pfn: table, order: 0 });
});

test('the note on a frame lies where no RAM is, and tells which frame it is on', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 40 }), (pfn) => {
      const note = NamedFrames.noteOn(pfn);
      expect(note).toBeGreaterThanOrEqual(2 ** 50);
      expect(NamedFrames.frameOfNote(note)).toBe(pfn);
      expect(NamedFrames.frameOfNote(pfn * 8)).toBeUndefined();
    }),
  );
});

type Step = { what: 'take'; order: number } | { what: 'give'; which: number } | { what: 'table' };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ what: fc.constant('take' as const), order: fc.integer({ min: 0, max: 2 }) }),
  fc.record({ what: fc.constant('give' as const), which: fc.nat(20) }),
  fc.record({ what: fc.constant('table' as const) }),
);

/** The same free list, as a set. */
class Reference {
  readonly free = new Set(Array.from({ length: PAGES }, (_, i) => FIRST_PAGE + i));

  take(order: number): number | undefined {
    for (let pfn = FIRST_PAGE; pfn < FIRST_PAGE + PAGES; pfn += 2 ** order) {
      const block = Array.from({ length: 2 ** order }, (_, i) => pfn + i);
      if (!block.every((page) => this.free.has(page))) continue;
      for (const page of block) this.free.delete(page);
      return pfn;
    }
    return undefined;
  }

  give(pfn: number, order: number): void {
    for (let page = pfn; page < pfn + 2 ** order; page++) this.free.add(page);
  }
}

test('of explored pages that are free the lowest aligned block is given out, as from a set of them', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { memory, frames } = make(true);
      const reference = new Reference();
      const held: { pfn: number; order: number }[] = [];
      const start = { mark: memory.mark(), hash: memory.hash };
      for (const each of steps) {
        if (each.what === 'table') frames.allocate(0, { level: 1, address: 0 });
        else if (each.what === 'take') {
          const pfn = frames.allocate(each.order, undefined);
          expect(pfn).toBe(reference.take(each.order));
          if (pfn !== undefined) held.push({ pfn, order: each.order });
        } else if (held.length > 0) {
          const [{ pfn, order }] = held.splice(each.which % held.length, 1) as [(typeof held)[0]];
          expect(frames.book.problemFreeing(pfn, order)).toBeUndefined();
          frames.free(pfn, order);
          reference.give(pfn, order);
        }
        const free = [...frames.book.freeRanges()].flatMap(({ start, end }) => range(start, end));
        expect(free).toEqual([...reference.free].sort((a, b) => a - b));
        const taken = range(FIRST_PAGE, FIRST_PAGE + PAGES).filter((pfn) => !reference.free.has(pfn));
        expect(frames.book.heldFrames()).toEqual(taken);
        for (const pfn of taken) expect(frames.book.ownerOf(pfn)).toBe('page');
        for (const pfn of reference.free) expect(frames.book.isFree(pfn)).toBe(true);
      }
      memory.undo(start.mark);
      expect(memory.hash).toBe(start.hash);
      expect(frames.book.heldFrames()).toEqual([]);
      expect(frames.allocate(0, undefined)).toBe(FIRST_PAGE);
    }),
  );
});

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, i) => start + i);
}

test('pages that the callers own are nobody else’s until they are given back', () => {
  const { frames } = make();
  expect(frames.allocate(0, undefined)).toBeUndefined();
  expect(frames.book.heldFrames()).toHaveLength(PAGES);
  expect(frames.book.problemFreeing(FIRST_PAGE + 3, 0)).toBeUndefined();
  frames.free(FIRST_PAGE + 3, 0);
  expect(frames.allocate(0, undefined)).toBe(FIRST_PAGE + 3);
  expect(frames.book.problemFreeing(FIRST_PAGE - 1, 0)?.code).toBe('not-allocated');
});

test('without frames for tables nothing is given out', () => {
  const frames = new NamedFrames(new SimulatedMemory(), {
    pages: [],
    tables: [][Symbol.iterator](),
    pagesFree: false,
  });
  expect(frames.allocate(0, { level: 1, address: 0 })).toBeUndefined();
});
