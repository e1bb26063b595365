/** The map as the workbench uses it: another one at each step, with what has happened laid over it. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MapSnapshot, ReportSnapshot } from '../../src/inspect/snapshot/report_snapshot.ts';
import type { Overlay } from '../../src/report/html/viewer/marks.ts';
import type { Walk } from '../../src/report/html/viewer/page_tables.ts';
import { hasChromium, launch } from './report_page.ts';
import { openViewer } from './viewer_page.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const LEAF = { bytes: 4096, size: '4K', level: 1, present: true, writable: true, executable: false };
const REST = {
  pageBytes: 4096,
  usualMemoryType: 'WB',
  attributes: [
    { ...LEAF, memoryType: 'WB', names: 'P RW NX', access: 'rw nx' },
    { ...LEAF, memoryType: 'WB', names: 'RW NX', access: 'rw nx', present: false },
  ] as unknown as ReportSnapshot['attributes'],
};

/** 4 GiB with a page of them not present, in a window of 64 TiB. */
function snapshotOf(notPresent: number): MapSnapshot {
  const pages = 2 ** 20;
  return {
    start: '0xffff888000000000',
    windowStart: '0xffff888000000000',
    windowPages: 2 ** 34,
    pages,
    omittedPages: 0,
    firstFrame: 0,
    kinds: [0, 1, 0],
    lengths: [notPresent, 1, pages - notPresent - 1],
    oddFrames: [],
    blockBytes: [2 ** 21, 2 ** 30],
  };
}

/** The same without its last GiB, and without a window: its places and rows are others. */
function smaller(): MapSnapshot {
  const { windowStart: _, windowPages: __, ...snapshot } = snapshotOf(5);
  return { ...snapshot, pages: 3 * 2 ** 18, lengths: [5, 1, 3 * 2 ** 18 - 6] };
}

const STALE = '196,0,184';
const MARK = '164,0,63';
const PRESENT = '77,134,192';
const NOT_PRESENT = '235,155,0';

/** What the tests call in the page. */
interface InPage {
  open(given: { rest: object; snapshot: MapSnapshot }): void;
  addMap(snapshot: MapSnapshot): void;
  addWalk(answer: object): void;
  update(snapshot: MapSnapshot): void;
  overlay(what: Partial<Overlay>): void;
  pixelsOf(colour: string): number;
}

const IN_PAGE = `
  const host = document.getElementById('host');
  let mapOf, map, view;
  const addMap = (snapshot) => {
    const made = new viewer.MapView(mapOf(snapshot), () => {});
    host.append(made.element);
    made.paintNow();
    return made;
  };
  Object.assign(window, {
    open({ rest, snapshot }) {
      mapOf = (snapshot) => new viewer.DirectMap(rest, snapshot);
      map = mapOf(snapshot);
      view = addMap(snapshot);
    },
    paint: () => view.paintNow(),
    addMap: (snapshot) => void addMap(snapshot),
    addWalk: (answer) => host.append(viewer.walkView(answer)),
    update(snapshot) {
      map = mapOf(snapshot);
      view.update(map);
      view.paintNow();
    },
    overlay({ changed = [], stale = [], owners = [] }) {
      const moved = (all) => all.map((each) => ({ ...each, start: each.start + map.start, end: each.end + map.start }));
      view.overlay({ changed: moved(changed), stale: moved(stale), owners: moved(owners) });
      view.paintNow();
    },
    pixelsOf(colour) {
      const canvas = document.querySelector('.rows');
      const { data } = canvas.getContext('2d').getImageData(128, 0, canvas.width - 128, canvas.height);
      const [red, green, blue] = colour.split(',').map(Number);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) {
        if (data[at] === red && data[at + 1] === green && data[at + 2] === blue && data[at + 3] === 255) count++;
      }
      return count;
    },
  });
`;

describe.skipIf(!hasChromium)('a map that is updated, in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());

  async function open(options: Parameters<Browser['newPage']>[0] = {}): Promise<Page> {
    const body = '<h1>Viewer</h1><div id="host" style="width: 1200px"></div>';
    const { page } = await openViewer(browser, body, { viewport: { width: 1280, height: 900 }, ...options });
    await page.evaluate(IN_PAGE);
    await page.evaluate((given) => (globalThis as unknown as InPage).open(given), {
      rest: REST,
      snapshot: snapshotOf(5),
    });
    return page;
  }

  const update = (page: Page, snapshot: MapSnapshot) =>
    page.evaluate((given) => (globalThis as unknown as InPage).update(given), snapshot);

  /** Of pages of the map. */
  const overlay = (page: Page, what: Partial<Overlay>) =>
    page.evaluate((given) => (globalThis as unknown as InPage).overlay(given), what);

  const press = async (page: Page, ...keys: string[]) => {
    await page.focus('.rows');
    for (const key of keys) await page.keyboard.press(key);
    await page.evaluate('paint()');
  };

  const text = (page: Page, selector: string) => page.locator(selector).textContent();

  /** Pixels of a colour, "r,g,b". */
  const pixelsOf = (page: Page, colour: string): Promise<number> =>
    page.evaluate((given) => (globalThis as unknown as InPage).pixelsOf(given), colour);

  const CLOSER = Array.from({ length: 20 }, () => '+');

  test('keeps the view, the cursor and what was chosen in the legend, also when its places are others', async () => {
    const page = await open();
    await press(page, 'Home', ...CLOSER, 'PageDown', 'ArrowLeft');
    await page.click('.legend button >> text=not present');
    const before = await text(page, '.status');
    expect(before).toMatch(/^0xffff8880001ff000 {2}pfn 0x1ff {2}4K present rw nx {2}P RW NX/);
    for (const snapshot of [snapshotOf(511), smaller(), snapshotOf(5)]) {
      await update(page, snapshot);
      await page.mouse.move(0, 0);
      const now = await text(page, '.status');
      expect(now?.slice(0, 30)).toBe(before?.slice(0, 30));
      expect(await text(page, '.scale')).toBe('row 64K');
      expect(await page.locator('.legend [aria-pressed=true]').textContent()).toBe('4K not present 4 KiB');
    }
    await update(page, snapshotOf(511));
    expect(await text(page, '.status')).toContain('4K not present');
    expect(await pixelsOf(page, NOT_PRESENT)).toBeGreaterThan(200);
  });

  test('keeps saying what is pointed at, until the keys are used', async () => {
    const page = await open();
    await press(page, 'Home', ...CLOSER);
    const box = (await page.locator('.rows').boundingBox())!;
    await page.mouse.move(box.x + 128 + 67 * 6.5, box.y + 5);
    expect(await text(page, '.status')).toMatch(/^0xffff888000006000 .* present rw nx/);
    await update(page, snapshotOf(6));
    expect(await text(page, '.status')).toMatch(/^0xffff888000006000 .* not present/);
    await press(page, 'ArrowRight');
    expect(await text(page, '.status')).toMatch(/^0xffff888000001000 /);
  });

  test('goes from a page to all of the window and back by keys, and by crumbs, which keep the focus', async () => {
    const page = await open();
    expect(await text(page, '.scale')).toBe('row 128M');
    await press(page, 'Shift+0');
    expect(await text(page, '.scale')).toBe('row 4T');
    await press(page, '0');
    expect(await text(page, '.scale')).toBe('row 128M');
    await page.focus('.crumbs button >> text=window');
    await page.keyboard.press('Enter');
    await page.evaluate('paint()');
    expect(await text(page, '.scale')).toBe('row 4T');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('window 64 TiB');
    expect(await page.locator('.crumbs [aria-current]').textContent()).toBe('window 64 TiB');
    await press(page, 'End', 'ArrowDown');
    expect(await text(page, '.status')).toMatch(/^0xffff8c80fffff000 {2}nothing mapped, 64\.0 TiB$/);
  });

  test('says what is stale in a TLB, and whose a page is, in colour and in words', async () => {
    const page = await open();
    await press(page, 'Home', ...CLOSER);
    const stale = [{ start: 1, end: 2 }];
    await overlay(page, { stale, owners: [{ start: 0, end: 4, text: 'step 1: alloc_pages(2)' }] });
    expect(await text(page, '.legend')).toContain('stale in a TLB 4 KiB');
    expect(await pixelsOf(page, STALE)).toBeGreaterThan(200);
    await press(page, 'ArrowRight');
    expect(await text(page, '.status')).toMatch(/ {2}step 1: alloc_pages\(2\) {2}stale in a TLB$/);
    await overlay(page, {});
    expect(await text(page, '.legend')).not.toContain('stale');
    expect(await pixelsOf(page, STALE)).toBe(0);
  });

  test('flashes what has changed once, and leaves it outlined', async () => {
    const page = await open();
    await press(page, 'Home', ...CLOSER);
    const changed = [{ start: 20, end: 24 }];
    await overlay(page, { changed });
    await page.waitForTimeout(900);
    const outline = await pixelsOf(page, MARK);
    expect(outline).toBeGreaterThan(100);
    await overlay(page, { changed });
    expect(await pixelsOf(page, MARK)).toBe(outline);
    await overlay(page, { changed: [{ start: 40, end: 44 }] });
    // In the midst of it, where it is not outlined.
    const during = await page.evaluate(
      `document.querySelector('.rows').getContext('2d').getImageData(128 + 67 * 10, 2.5 * 13, 1, 1).data.join()`,
    );
    expect(during).not.toBe(`${PRESENT},255`);
  });

  test('flashes nothing for who wants no motion', async () => {
    const page = await open({ reducedMotion: 'reduce' });
    await press(page, 'Home', ...CLOSER);
    await overlay(page, { changed: [{ start: 20, end: 24 }] });
    const outline = await pixelsOf(page, MARK);
    expect(outline).toBeGreaterThan(100);
    await page.waitForTimeout(300);
    expect(await pixelsOf(page, MARK)).toBe(outline);
  });

  test('on a phone goes as close as lets a page be touched', async () => {
    const page = await open({ viewport: { width: 360, height: 740 } });
    await page.evaluate(`document.getElementById('host').style.width = '340px'`);
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    await press(page, 'Home', ...CLOSER);
    expect(await text(page, '.scale')).toBe('row 16K');
  });

  test.each(['light', 'dark'] as const)(
    'axe finds nothing in two maps and a walk, %s',
    async (colorScheme) => {
      const page = await open({ colorScheme });
      await overlay(page, { stale: [{ start: 1, end: 2 }], changed: [{ start: 5, end: 9 }] });
      await page.evaluate((given) => (globalThis as unknown as InPage).addMap(given), snapshotOf(7));
      await page.evaluate((given) => (globalThis as unknown as InPage).addWalk(given), {
        address: 0xffff_8880_0000_5000n,
        region: 'direct map',
        pageBytes: 4096,
        walk: walkOf(0x8000_0000_0000_5162n, ['RW', 'NX']),
        before: walkOf(0x5163n, ['P', 'RW']),
        found: undefined,
      });
      expect(await page.locator('ins.bit').allTextContents()).toEqual(['+NX']);
      expect(await page.locator('del.bit').allTextContents()).toEqual(['−P']);
      expect(await page.locator('.was').allTextContents()).toEqual(['before 0000000000005163']);
      await page.evaluate(AXE);
      const violations = await page.evaluate(
        `axe.run(document).then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html]))`,
      );
      expect(violations).toEqual([]);
      const ids = await page.locator('[id]').evaluateAll((all) => all.map(({ id }) => id as string));
      expect(new Set(ids).size).toBe(ids.length);
    },
  );
});

function walkOf(raw: bigint, names: string[]): Walk {
  const top = { level: 2, levelName: 'PMD', index: 0, entryAddress: 0x1000, why: undefined };
  const table = {
    ...top,
    raw: 0x2067n,
    kind: 'table',
    names: ['P', 'RW', 'US', 'A', 'D'],
    table: 0x2000,
  } as const;
  const kind = names.includes('P') ? 'leaf' : 'not-present';
  const leaf = { ...top, level: 1, levelName: 'PTE', index: 5, raw, kind, names, table: undefined } as const;
  const translation = { present: kind === 'leaf', bytes: 4096, frame: 5, access: 'rw nx', user: false };
  return { steps: [table, leaf], translation, stopped: undefined };
}
