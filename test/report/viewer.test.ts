/** What the page's script does without a page: which rows are in view, what is asked for, how numbers are written. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ReportSnapshot } from '../../src/inspect/snapshot/report_snapshot.ts';
import { parseAsked } from '../../src/report/html/viewer/address_input.ts';
import { DirectMap } from '../../src/report/html/viewer/direct_map.ts';
import { ROWS, Viewport } from '../../src/report/html/viewer/viewport.ts';
import { aboutSize, countOf, sizeOf } from '../../src/report/html/viewer/words.ts';

describe('the view', () => {
  const maps = fc
    .tuple(fc.nat(2 ** 30), fc.integer({ min: 1, max: 2 ** 34 }))
    .map(([start, pages]) => ({ start, end: start + pages }));

  test('is of the whole map at first', () => {
    fc.assert(
      fc.property(maps, ({ start, end }) => {
        const view = new Viewport(start, end);
        expect(view.start).toBeLessThanOrEqual(start);
        expect(view.end).toBeGreaterThanOrEqual(end);
      }),
    );
  });

  test('has what was last zoomed at or brought into view, in rows that are not too many', () => {
    const moves = fc.array(
      fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: -20, max: 20 })),
      {
        minLength: 1,
      },
    );
    fc.assert(
      fc.property(maps, moves, ({ start, end }, moves) => {
        const view = new Viewport(start, end);
        for (const [part, power] of moves) {
          const place = Math.min(end - 1, Math.floor(start + part * (end - start)));
          if (power === 0) view.fit(place, 512);
          else view.zoom(view.rowPages * 2 ** power, place);
          view.reveal(place);
          expect(view.start).toBeLessThanOrEqual(place);
          expect(view.end).toBeGreaterThan(place);
          expect(view.rows).toBeLessThanOrEqual(ROWS);
          expect(Number.isInteger(Math.log2(view.rowPages))).toBe(true);
        }
      }),
    );
  });

  test('of an aligned block is the block, if the map goes on behind it', () => {
    const view = new Viewport(0, 2 ** 20);
    view.fit(512 * 100, 512 * 101);
    expect([view.start, view.end]).toEqual([512 * 100, 512 * 101]);
  });
});

/** Of 1 GiB with a hole in it, behind an address at which KASLR may have put it. */
const map = new DirectMap(
  {
    pageBytes: 4096,
    usualMemoryType: 'WB',
    attributes: [{ level: 1, bytes: 4096, present: true }],
  } as unknown as ReportSnapshot,
  {
    start: '0xffff917b40000000',
    pages: 2 ** 18,
    omittedPages: 0,
    firstFrame: 0,
    kinds: [0, -1, 0],
    lengths: [2 ** 17, 2 ** 16, 2 ** 16],
    oddFrames: [[2, 0x77]],
    blockBytes: [2 ** 21],
  },
);

describe('places of the map', () => {
  test('are found by address and by frame, and told back', () => {
    const place = map.placeOf(0xffff_917b_4000_5000n)!;
    expect(map.addressOf(place)).toBe(0xffff_917b_4000_5000n);
    expect(map.placeOfFrame(5)).toBe(place);
    expect(map.at(place)).toMatchObject({ frame: 5, start: map.start, end: map.start + 2 ** 17 });
    expect(map.placeOf(0xffff_917b_3fff_f000n)).toBeUndefined();
    expect(map.placeOf(0xffff_917b_8000_0000n)).toBeUndefined();
  });

  test('have the frame that is mapped, also where it is not the one of a linear map', () => {
    expect(map.at(map.start + 2 ** 17)).toMatchObject({ state: 'hole', leaf: undefined, frame: undefined });
    expect(map.at(map.end - 1)?.frame).toBe(0x77 + 2 ** 16 - 1);
  });
});

describe('a map in a window of 64 TiB', () => {
  const windowed = new DirectMap(
    { pageBytes: 4096, usualMemoryType: 'WB', attributes: [] },
    {
      start: '0xffff888000000000',
      windowStart: '0xffff888000000000',
      windowPages: 2 ** 34,
      pages: 2 ** 20,
      omittedPages: 0,
      firstFrame: 0,
      kinds: [-1],
      lengths: [2 ** 20],
      oddFrames: [],
      blockBytes: [],
    },
  );
  const { start, end, window } = windowed;

  test('has places all over it, and nothing mapped behind its memory', () => {
    expect(window.end - window.start).toBe(2 ** 34);
    expect(windowed.placeOf(0xffff_c87f_ffff_f000n)).toBe(window.end - 1);
    expect(windowed.addressOf(window.end - 1)).toBe(0xffff_c87f_ffff_f000n);
    expect(windowed.placeOf(0xffff_c880_0000_0000n)).toBeUndefined();
    expect(windowed.at(end)).toMatchObject({ state: 'hole', start: end, end: window.end });
  });

  test('is seen from all of the window to a few pages', () => {
    const view = new Viewport(window.start, window.end);
    view.fit(start, end);
    expect([view.start <= start, view.end >= end, view.rowPages]).toEqual([true, true, 2 ** 15]);
    view.zoom(Number.POSITIVE_INFINITY, start);
    expect([view.start <= window.start, view.end >= window.end, view.rowPages]).toEqual([
      true,
      true,
      2 ** 30,
    ]);
    view.zoom(1, end - 1);
    expect(view.rowPages).toBe(16);
    expect(view.start <= end - 1 && end - 1 < view.end).toBe(true);
  });
});

describe('what is asked for', () => {
  const ask = (text: string) => parseAsked(text, (address) => address >= 2n ** 63n, map);
  const FIFTH = 0xffff_917b_4000_5000n;

  test.each([
    'ffff917b40005000',
    '0xFFFF917B40005000',
    ' pfn:5 ',
    'pfn 0x5',
    '5',
    '0x5',
    'phys:0x5000',
    'phys:20480',
  ])('"%s" is the fifth page', (text) => {
    expect(ask(text)).toEqual({ address: FIFTH });
  });

  test('keeps the place in its page', () => {
    expect(ask('phys:0x5123')).toEqual({ address: FIFTH + 0x123n });
    expect(ask('ffff917b40005123')).toEqual({ address: FIFTH + 0x123n });
  });

  test.each(['', 'page', 'pfn:', '0x', '-1', '1.5', 'ffff917b40005000f', '0x40000', 'phys:ffffffffffffffff'])(
    '"%s" is refused, with why',
    (text) => {
      expect(ask(text).address).toBeUndefined();
      expect(ask(text).problem).toMatch(/^[A-Z].*\.$/);
    },
  );
});

test('sizes and counts are written as people write them', () => {
  expect([0, 4096, 2 ** 21, 1428 * 1024].map(sizeOf)).toEqual(['0', '4K', '2M', '1428K']);
  expect([512, 4096, 23.9 * 2 ** 20, 2 ** 50 - 1, 2 ** 50].map(aboutSize)).toEqual([
    '512 B',
    '4 KiB',
    '23.9 MiB',
    '1.0 PiB',
    '1 PiB',
  ]);
  expect([0, 999, 1000, 1234567].map(countOf)).toEqual(['0', '999', '1,000', '1,234,567']);
});
