/** What the page's script does without a page: which rows are in view, what is asked for, how numbers are written. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ReportSnapshot } from '../../src/inspect/snapshot/report_snapshot.ts';
import { parseAsked } from '../../src/report/html/viewer/address_input.ts';
import { crumbsOf } from '../../src/report/html/viewer/crumbs.ts';
import { DirectMap } from '../../src/report/html/viewer/direct_map.ts';
import { legendOf } from '../../src/report/html/viewer/legend_entries.ts';
import { placeWords } from '../../src/report/html/viewer/place_words.ts';
import { closestRowPages, ROWS, Viewport } from '../../src/report/html/viewer/viewport.ts';
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

  test('of a map that has grown is of the same addresses', () => {
    const moves = fc.tuple(
      maps,
      fc.nat(2 ** 20),
      fc.nat(2 ** 20),
      fc.integer({ min: -5, max: 5 }),
      fc.nat(20),
    );
    fc.assert(
      fc.property(moves, ([{ start, end }, before, behind, blocks, power]) => {
        const view = new Viewport(start, end);
        view.zoom(view.rowPages / 2 ** power, end - 1);
        view.reveal(end - 1);
        // Origins are aligned, so that places differ by what is a multiple of any row.
        const shift = blocks * 2 ** 35;
        const moved = view.movedTo(start + shift - before, end + shift + behind, shift);
        expect(moved.rowPages).toBe(view.rowPages);
        expect(moved.start).toBeLessThanOrEqual(view.start + shift);
        expect(moved.end).toBeGreaterThanOrEqual(view.end + shift);
        if (view.rows === ROWS) expect(moved.start).toBe(view.start + shift);
      }),
    );
  });

  test('goes as close as lets a page be 40 pixels wide', () => {
    expect([1072, 640, 639, 246, 10].map(closestRowPages)).toEqual([16, 16, 8, 4, 1]);
    const view = new Viewport(0, 2 ** 20);
    view.limit(4);
    view.zoom(1, 1000);
    expect([view.rowPages, view.start <= 1000, view.end > 1000]).toEqual([4, true, true]);
    view.limit(16);
    expect(view.rowPages).toBe(16);
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

/** What the attributes of a leaf of 4K and of one of 2M are here. */
const LEAF = { bytes: 4096, size: '4K', level: 1, present: true, writable: true, executable: false };
const ATTRIBUTES = [
  { ...LEAF, memoryType: 'WB', names: 'P RW NX', access: 'rw nx' },
  { ...LEAF, memoryType: 'WB', names: 'NX', access: 'ro nx', present: false },
] as unknown as ReportSnapshot['attributes'];

describe('a map in a window of 64 TiB', () => {
  const snapshot = {
    start: '0xffff888000000000',
    windowStart: '0xffff888000000000',
    windowPages: 2 ** 34,
    pages: 2 ** 20,
    omittedPages: 0,
    firstFrame: 0,
    kinds: [0, 1, 0],
    lengths: [5, 1, 2 ** 20 - 6],
    oddFrames: [],
    blockBytes: [2 ** 21, 2 ** 30],
  } as const;
  const rest = { pageBytes: 4096, usualMemoryType: 'WB', attributes: ATTRIBUTES };
  const windowed = new DirectMap(rest, snapshot);
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

  test('has the rest of the window in its legend', () => {
    expect(legendOf(windowed)).toEqual([
      { state: 'hole', label: 'nothing mapped', size: '64.0 TiB' },
      { state: 'base', label: '4K rw nx', size: '4.0 GiB' },
      { state: 'np', label: '4K not present', size: '4 KiB' },
    ]);
  });

  test('ends where the stretches end, if more were omitted', () => {
    const cut = new DirectMap(rest, { ...snapshot, omittedPages: 1 });
    expect(cut.window).toEqual({ start, end });
    expect(legendOf(cut).map(({ state }) => state)).toEqual(['base', 'np']);
  });

  test('has a crumb of the window, of what is mapped, and of each block that is smaller', () => {
    const view = new Viewport(window.start, window.end);
    expect(crumbsOf(windowed, view, start + 2 ** 18 + 5)).toEqual([
      { ...window, label: 'window 64 TiB' },
      { start, end, label: 'all 4 GiB' },
      { start: start + 2 ** 18, end: start + 2 ** 19, label: '1G at 0xffff888040000000' },
      { start: start + 2 ** 18, end: start + 2 ** 18 + 512, label: '2M at 0xffff888040000000' },
    ]);
  });

  test('says of a place all there is to say', () => {
    const place = start + 5;
    const at = { start: place, end: place + 1 };
    const overlay = { changed: [], stale: [at], owners: [{ ...at, text: 'secretmem' }] };
    expect(placeWords(windowed, place, overlay)).toBe(
      '0xffff888000005000  pfn 0x5  4K not present  NX  secretmem  stale in a TLB',
    );
    expect(placeWords(windowed, place - 1, overlay)).toBe(
      '0xffff888000004000  pfn 0x4  4K present rw nx  P RW NX  5 alike, 20 KiB',
    );
    expect(placeWords(windowed, end, overlay)).toBe('0xffff888100000000  nothing mapped, 64.0 TiB');
    expect(placeWords(windowed, window.end, overlay)).toBe('');
  });

  test('knows by how much its places differ from those of another map', () => {
    const { windowStart: _, windowPages: __, ...mapped } = snapshot;
    const alone = new DirectMap(rest, mapped);
    const shift = alone.shiftFrom(windowed)!;
    expect(alone.addressOf(start + shift)).toBe(windowed.addressOf(start));
    expect(windowed.shiftFrom(alone)).toBe(-shift);
    expect(alone.shiftFrom(map)).toBe(undefined);
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
