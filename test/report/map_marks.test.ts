/** What lies over the map, and what a pixel of it shows. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AttributesSnapshot, MapSnapshot } from '../../src/inspect/snapshot/report_snapshot.ts';
import { fillBins, HOLE, MIN_RARE } from '../../src/report/html/viewer/bins.ts';
import { DirectMap } from '../../src/report/html/viewer/direct_map.ts';
import { firstBehind, type Mark, markAt, merged } from '../../src/report/html/viewer/marks.ts';
import { spansIn } from '../../src/report/html/viewer/spans.ts';
import { STATES, type State } from '../../src/report/html/viewer/states.ts';

const someMarks = fc
  .array(fc.tuple(fc.nat(2000), fc.integer({ min: 1, max: 50 })), { maxLength: 40 })
  .map((all) => all.map(([start, pages]): Mark => ({ start, end: start + pages })));

const isIn = (marks: readonly Mark[], place: number) =>
  marks.some(({ start, end }) => start <= place && place < end);

describe('marks', () => {
  test('merged are disjoint, in ascending order, and cover the same places', () => {
    fc.assert(
      fc.property(someMarks, (marks) => {
        const all = merged(marks);
        for (const [number, { start }] of all.entries()) {
          expect(start).toBeGreaterThan(all[number - 1]?.end ?? -1);
        }
        for (let place = 0; place < 2060; place++) expect(isIn(all, place)).toBe(isIn(marks, place));
      }),
      { numRuns: 20 },
    );
  });

  test('are found by a place in them, and by one before them', () => {
    fc.assert(
      fc.property(someMarks, fc.nat(2060), (marks, place) => {
        const all = merged(marks);
        expect(markAt(all, place) !== undefined).toBe(isIn(all, place));
        const first = all.findIndex(({ end }) => end > place);
        expect(firstBehind(all, place)).toBe(first === -1 ? all.length : first);
      }),
    );
  });
});

describe('marks in a row', () => {
  const row = { start: 1000, end: 1512 };

  test('are where they belong, at least as wide as asked for, and never over one another', () => {
    fc.assert(
      fc.property(someMarks, fc.integer({ min: 50, max: 2000 }), (marks, width) => {
        const all = merged(marks);
        const spans = spansIn(all, row, width, 7);
        let last = 0;
        for (const span of spans) {
          expect(span.width).toBeGreaterThanOrEqual(7);
          expect(span.x).toBeGreaterThanOrEqual(last);
          last = span.x + span.width;
        }
        expect(last).toBeLessThanOrEqual(width + 1e-9);
        for (const { start, end } of all.filter(({ start, end }) => end > row.start && start < row.end)) {
          const middle = (Math.max(start, row.start) + Math.min(end, row.end)) / 2;
          const x = ((middle - row.start) * width) / 512;
          expect(spans.some((span) => span.x <= x + 1e-9 && x <= span.x + span.width + 1e-9)).toBe(true);
        }
      }),
    );
  });

  test('are as few as there is room for', () => {
    const all = Array.from({ length: 10_000 }, (_, number) => ({ start: number * 2, end: number * 2 + 1 }));
    expect(spansIn(all, { start: 0, end: 20_000 }, 1072, 7)).toEqual([{ x: 0, width: expect.any(Number) }]);
  });
});

const LARGE = { bytes: 2 ** 30, level: 3, present: true, writable: true, memoryType: 'WB' };
const attributes = [LARGE, { ...LARGE, bytes: 4096, level: 1, present: false }] as AttributesSnapshot[];

function mapOf(kinds: number[], lengths: number[], more: Partial<MapSnapshot> = {}): DirectMap {
  const pages = lengths.reduce((sum, each) => sum + each, 0);
  const fixed = {
    start: '0xffff888000000000',
    omittedPages: 0,
    firstFrame: 0,
    oddFrames: [],
    blockBytes: [],
  };
  return new DirectMap(
    { pageBytes: 4096, usualMemoryType: 'WB', attributes },
    { ...fixed, pages, kinds, lengths, ...more },
  );
}

const pixelOf = (state: State) => STATES.indexOf(state) + 1;

describe('pixels of a row', () => {
  function binsOf(map: DirectMap, part: Mark, width: number): number[] {
    const bins = new Uint8Array(width).fill(99);
    fillBins(bins, map, part);
    return [...bins];
  }

  test('show a single rare page, however far one is away', () => {
    const map = mapOf([0, 1, 0], [2 ** 27, 1, 2 ** 27]);
    const counts = binsOf(map, map, 1000).filter((value) => value === pixelOf('np')).length;
    expect(counts).toBe(MIN_RARE);
  });

  test('show nothing mapped in all of the window, and nothing beyond it', () => {
    const window = { windowStart: '0xffff888000000000', windowPages: 100 };
    const map = mapOf([0, -1, 0], [10, 10, 20], window);
    const { start } = map;
    const large = pixelOf('large');
    const expected = [0, large, HOLE, large, large, ...Array(6).fill(HOLE), 0];
    expect(binsOf(map, { start: start - 10, end: start + 110 }, 12)).toEqual(expected);
    expect(binsOf(map, { start: start + 60, end: start + 80 }, 2)).toEqual([HOLE, HOLE]);
    expect(binsOf(map, { start: start - 200, end: start - 100 }, 3)).toEqual([0, 0, 0]);
  });

  test('are the same, wherever a row ends, as of all stretches one by one', () => {
    const stretches = fc.array(fc.tuple(fc.constantFrom(0, 1, -1), fc.integer({ min: 1, max: 9 })), {
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(stretches, fc.nat(20), fc.integer({ min: 1, max: 300 }), (all, from, pages) => {
        const map = mapOf(
          all.map(([kind]) => kind),
          all.map(([, length]) => length),
        );
        const part = { start: map.start + from, end: map.start + from + pages };
        // As many pixels as pages: each shows its page's own state, or a rare neighbour's.
        for (const [pixel, value] of binsOf(map, part, pages).entries()) {
          const found = map.at(part.start + pixel);
          const before = map.at(part.start + pixel - 1);
          const own = found === undefined ? 0 : pixelOf(found.state);
          const neighbours = before?.state === 'np' && pixel > 0 ? [own, pixelOf('np')] : [own];
          expect(neighbours).toContain(value);
        }
      }),
    );
  });
});
