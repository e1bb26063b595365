import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DirectMapVote } from '../../src/inspect/direct_map_vote.ts';
import type { Machine } from '../../src/inspect/index.ts';
import { type AddressRange, type Run, walk } from '../../src/mmu/walk.ts';
import {
  bootX86,
  inspectX86,
  LARGE,
  MIB,
  PAGE,
  PAGE_OFFSET,
  RO,
  RW,
  VMALLOC,
} from '../support/synthetic_x86.ts';

/** More pages than there are runs that a machine keeps, each unlike its neighbours: half of them read-only. */
const MANY = 2 ** 18 + 1024;

function machineWith(pages: number): Machine {
  const memory = bootX86({ ram: 2 ** 30 });
  const from = 64 * MIB;
  for (let at = 0; at < pages; at += 512) {
    const address = PAGE_OFFSET + from + at * PAGE;
    const table = memory.allocate(1);
    memory.write(memory.entryAt(address, 2), BigInt(table) | 0x63n);
    for (let page = 0; page < 512; page++) {
      const frame = from / PAGE + at + page;
      memory.write(table + 8 * page, memory.leaf(frame, page % 2 === 0 ? RW : RO));
    }
  }
  memory.map(VMALLOC, 2 ** 20, 1, 3, RW);
  memory.set(VMALLOC + 2 * MIB, 2, 0xf000_0067n); // missing
  memory.set(VMALLOC + 4 * MIB, 2, memory.leaf(2 ** 20 + 2, RW | LARGE)); // reserved bits
  return inspectX86(memory);
}

/** Kind, place, frame, entries: of a hole, whose entries a cut does not know, not those. */
function inShort(kind: Run['kind'], address: number, pages: number, frame: number, count: number): unknown[] {
  return kind === 'hole' ? [kind, address, pages] : [kind, address, pages, frame, count];
}

function expectAsWalked(machine: Machine, range: AddressRange): void {
  const { located, tables, format } = machine;
  const walked = [...walk(tables, format, located.root, { range, sharedOnce: true })];
  const told = [...machine.stretches(range)];
  expect(
    told.map(({ kind, address, pages, frame, count }) => inShort(kind, address, pages, frame ?? 0, count)),
  ).toEqual(
    walked.map(({ kind, address, pages, frame, count }) => inShort(kind, address, pages, frame, count)),
  );
}

describe.each([
  ['kept', 1024],
  ['read anew each time', MANY],
])('runs that are %s', (_, pages) => {
  const machine = machineWith(pages);

  test('are cut by a range as a walk cuts them', () => {
    // Pages around the borders of what is mapped, in the direct map and in vmalloc.
    const near = (start: number) => fc.integer({ min: -1100, max: 1100 }).map((page) => start + page * PAGE);
    const bound = fc.oneof(
      near(PAGE_OFFSET + 64 * MIB),
      near(VMALLOC),
      near(VMALLOC + 4 * MIB),
      near(-(2 ** 31) + 16 * MIB),
      fc.constantFrom(-PAGE, -(2 ** 47)),
    );
    fc.assert(
      fc.property(bound, fc.nat(3000), (start, length) => {
        const first = Math.max(start, -(2 ** 47));
        expectAsWalked(machine, { start: first, end: Math.min(0, first + length * PAGE) || first + PAGE });
      }),
      { numRuns: 60 },
    );
    expectAsWalked(machine, { start: -PAGE, end: 0 });
  });

  test('are those of all regions together', () => {
    const mapped = (range?: AddressRange) =>
      [...machine.stretches(range)].reduce((sum, { kind, pages }) => sum + (kind === 'leaf' ? pages : 0), 0);
    const sum = machine.regions.reduce((all, region) => all + mapped(region), 0);
    expect(sum).toBe(mapped());
    expect(mapped(machine.regions.find(({ name }) => name === 'direct map'))).toBe(
      Math.max(2 ** 18, (64 * MIB) / PAGE + pages),
    );
  });
});

test('a range that does not begin with a page is read from the beginning of the page, kept or not', () => {
  const machine = machineWith(1024);
  const range = { start: VMALLOC + 1, end: VMALLOC + PAGE + 1 };
  expect([...machine.stretches(range)]).toMatchObject([{ address: VMALLOC, pages: 2, count: 2 }]);
});

test('more offsets than are counted at a time do not hide the direct map', () => {
  const vote = new DirectMapVote(PAGE, { start: -(2 ** 47), end: 0 }, undefined, PAGE);
  const add = (address: number, frame: number, pages: number) =>
    vote.add({ kind: 'leaf', address, frame, pages } as Run);
  // Half a million single pages of vmalloc, each at an offset of its own, and the direct map in pieces among them.
  for (let index = 0; index < 2 ** 19; index++) {
    add(-(2 ** 46) + index * PAGE, 3 * index + 2 ** 22, 1);
    if (index % 2 ** 10 === 0) add(-(2 ** 45) + index * PAGE, index, 512);
  }
  expect(vote.winner()).toMatchObject({ offset: -(2 ** 45), start: -(2 ** 45) });
  expect(vote.pages).toBe(512 * 512);
});
