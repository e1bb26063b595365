/** The report as a reader has it: one file, opened in a real browser. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasChromium, launch, type OpenReport, openMachine, openReport, snapshotOf } from './report_page.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What the map is drawn in beside its addresses: of each colour, "r,g,b", how many pixels. Without blends at edges. */
function coloursOf(page: Page): Promise<Record<string, number>> {
  return page.locator('.rows').evaluate((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(128, 0, canvas.width - 128, canvas.height);
    const counts: Record<string, number> = {};
    for (let at = 0; at < data.length; at += 4) {
      if (data[at + 3] !== 255) continue;
      const colour = `${data[at]},${data[at + 1]},${data[at + 2]}`;
      counts[colour] = (counts[colour] ?? 0) + 1;
    }
    return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 8));
  });
}

/** The steps of the walk that the page shows: level and index, raw bits, names. */
function stepsOf(page: Page): Promise<string[][]> {
  return page
    .locator('.step')
    .evaluateAll((steps) =>
      steps.map((step) =>
        ['.level', '.at', '.raw', '.bits'].map((part) => step.querySelector(part)?.textContent?.trim() ?? ''),
      ),
    );
}

async function painted(page: Page): Promise<void> {
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
}

describe.skipIf(!hasChromium)('a report in a browser, which must be Chromium', () => {
  let browser: Browser;
  let report: OpenReport;
  let page: Page;
  const machine = openMachine('x86_64-6.1-debian');
  const NOT_PRESENT = '235,155,0';

  beforeAll(async () => {
    browser = await launch();
    report = await openReport(browser, snapshotOf(machine, 'vmcore'), {
      viewport: { width: 1280, height: 900 },
    });
    page = report.page;
  });

  afterAll(async () => {
    expect(report.errors).toEqual([]);
    expect(report.requests).toEqual([]);
    await report.close();
    await browser.close();
  });

  async function ask(text: string): Promise<void> {
    await page.fill('#asked', text);
    await page.press('#asked', 'Enter');
    await painted(page);
  }

  test('the map is drawn in the colours of its states', async () => {
    await painted(page);
    const colours = Object.keys(await coloursOf(page));
    // Nothing mapped, 1G, 2M, read-only, not present: a single page of 5 GiB is seen.
    expect(colours).toEqual(
      expect.arrayContaining(['154,161,169', '207,220,234', '157,187,219', '47,158,131', NOT_PRESENT]),
    );
    const legend = await page.locator('.legend button').allTextContents();
    expect(legend).toContain('4K not present 12 KiB');
    expect(legend).toContain('1G rw nx 1 GiB');
  });

  test.each(['0xffff888101b28000', '0xffff888040000000', '0xffffffff81000000', '0xffffea0000000000'])(
    'the walk of %s is the one that the walker does',
    async (text) => {
      const address = Number(BigInt.asIntN(64, BigInt(text)));
      await ask(text);
      const expected = machine.walk(address).map(({ level, entryAddress, low, high }) => {
        const raw = ((BigInt(high) << 32n) | BigInt(low)).toString(16).padStart(16, '0');
        const names = machine.format.describe(level, low, high).join(' ');
        return [machine.format.levelName(level), `entry at 0x${entryAddress.toString(16)}`, raw, names];
      });
      const shown = await stepsOf(page);
      expect(shown.map(([level, ...rest]) => [level?.replace(/\[\d+\]$/, ''), ...rest])).toEqual(expected);
    },
  );

  test('a frame and a physical address lead to the same page', async () => {
    await ask('pfn:0x101b28');
    expect(await page.locator('.answer').textContent()).toContain('0xffff888101b28000');
    for (const frame of ['101b28', '1055528']) {
      await ask(frame);
      expect(await page.locator('.answer').textContent()).toContain('0xffff888101b28000');
    }
    await ask('phys:0x101b28010');
    expect(await page.locator('.answer').textContent()).toContain('0xffff888101b28010');
    expect(await page.locator('.answer').textContent()).toContain('0x101b28010, pfn 0x101b28');
  });

  test('what names no page is answered with why', async () => {
    await ask('pfn:0x140000');
    expect(await page.locator('#answer').textContent()).toContain(
      'The direct map does not reach pfn 0x140000.',
    );
    expect(await page.getAttribute('#asked', 'aria-invalid')).toBe('true');
    await ask('<img src=x>');
    expect(await page.locator('#answer').textContent()).toContain('Write an address such as');
  });

  test('a place of a finding is jumped to, down to its page, and its walk shown', async () => {
    await page.click('.findings a >> text=0xffff888101b35000');
    await painted(page);
    expect(await page.locator('[aria-current]').textContent()).toBe('2M at 0xffff888101a00000');
    expect(await page.locator('.answer').textContent()).toContain('4K not present');
    expect(await page.inputValue('#asked')).toBe('0xffff888101b35000');
    expect(page.url()).toMatch(/#0xffff888101b35000$/);
    // Three pages of 512 in 32 rows: each is a cell of its own.
    const cells = (await coloursOf(page))[NOT_PRESENT]!;
    const all = await page.locator('.rows').evaluate((canvas) => {
      const { width, height } = canvas;
      return (width - 128) * height;
    });
    expect(cells / all).toBeGreaterThan(0.5 * (3 / 512));
    expect(cells / all).toBeLessThan(3 / 512);
  });

  test('keys go from the whole to single pages and back', async () => {
    await page.focus('.rows');
    await page.keyboard.press('0');
    await painted(page);
    expect(await page.locator('.scale').textContent()).toBe('row 256M');
    await page.keyboard.press('Home');
    for (let times = 0; times < 12; times++) await page.keyboard.press('+');
    await painted(page);
    expect(await page.locator('.scale').textContent()).toBe('row 64K');
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('.status').textContent()).toMatch(/^0xffff888000001000 {2}pfn 0x1 {2}4K/);
    await page.keyboard.press('Enter');
    expect((await stepsOf(page)).at(-1)?.[0]).toBe('PTE[1]');
    await page.keyboard.press('-');
    await painted(page);
    expect(await page.locator('.scale').textContent()).toBe('row 128K');
  });

  test('a click selects what the mouse points at, and the wheel zooms there', async () => {
    await page.click('.crumbs button >> nth=0');
    await painted(page);
    const box = (await page.locator('.rows').boundingBox())!;
    // Row 4 of 20 is the leaf of 1G, from its middle on.
    await page.mouse.click(box.x + 128 + (box.width - 128) / 2, box.y + box.height * (4.5 / 20));
    expect((await stepsOf(page)).at(-1)?.[0]).toBe('PUD[1]');
    expect(await page.locator('.answer').textContent()).toContain('1G rw nx');
    await page.mouse.wheel(0, -100);
    await painted(page);
    expect(await page.locator('.scale').textContent()).toBe('row 128M');
  });

  test('the legend leaves only what is chosen', async () => {
    await page.click('.crumbs button >> nth=0');
    await page.click('.legend button >> text=not present');
    await painted(page);
    const colours = Object.keys(await coloursOf(page));
    expect(colours).toContain(NOT_PRESENT);
    expect(colours).not.toContain('157,187,219');
    await page.click('.legend button >> text=not present');
  });

  test('every control has a name and can be reached by the keyboard', async () => {
    const nameless = await page.locator('button, a, input, canvas[tabindex]').evaluateAll((controls) =>
      controls
        .filter((control) => {
          const name =
            control.getAttribute('aria-label') ?? control.labels?.[0]?.textContent ?? control.textContent;
          return name.trim() === '' || control.tabIndex < 0;
        })
        .map((control) => control.outerHTML as string),
    );
    expect(nameless).toEqual([]);
  });
});

describe.skipIf(!hasChromium)('reports of other machines, in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());

  test('a hostile release, file name and rule are text', async () => {
    const hostile = '</script><img src=x onerror="document.title=1">';
    const data = snapshotOf(openMachine('x86_64-6.1-debian'), `vmcore${hostile}`);
    const kernel = { name: 'kernel', value: `6.1${hostile}` };
    const findings = data.findings.map((finding) => ({
      ...finding,
      rule: hostile,
      why: hostile,
      places: finding.places.map((place) => ({ ...place, what: hostile })),
    }));
    const regions = data.regions.map((region) => ({ ...region, name: `${region.name}${hostile}` }));
    const attributes = data.attributes.map((each) => ({
      ...each,
      names: hostile,
      access: hostile,
      memoryType: hostile,
    }));
    const report = await openReport(browser, { ...data, facts: [kernel], findings, regions, attributes });
    await report.page.click('.findings a >> nth=0');
    await painted(report.page);
    expect(await report.page.locator('img').count()).toBe(0);
    expect(await report.page.locator('.facts').textContent()).toBe(`kernel6.1${hostile}`);
    expect(await report.page.locator('h1').textContent()).toBe(`vmcore${hostile}`);
    expect(await report.page.locator('.answer').textContent()).toContain(hostile);
    expect(await report.page.title()).toContain('vmcore');
    expect(report.errors).toEqual([]);
    expect(report.requests).toEqual([]);
    await report.close();
  });

  test('a link to an address opens at its walk', async () => {
    const data = snapshotOf(openMachine('x86_64-5.10-debug-pagealloc'), 'vmcore');
    const report = await openReport(browser, data, {}, '#0xffff888000200000');
    await painted(report.page);
    expect(await report.page.locator('.answer').textContent()).toContain('4K not present');
    expect(await report.page.locator('.legend').textContent()).toContain('4K not present 462 MiB');
    expect(report.errors).toEqual([]);
    await report.close();
  });

  test('a machine without a direct map in its tables has walks all the same', async () => {
    const machine = openMachine('loong64-7.2');
    const report = await openReport(browser, snapshotOf(machine, 'vmcore'));
    await report.page.click('.findings a >> nth=0');
    const address = Number(BigInt.asIntN(64, BigInt(await report.page.inputValue('#asked'))));
    expect(await stepsOf(report.page)).toHaveLength(machine.walk(address).length);
    expect(await report.page.locator('canvas').count()).toBe(0);
    expect(report.errors).toEqual([]);
    await report.close();
  });

  test.each(['light', 'dark'] as const)(
    'nothing is wider than a phone of 360 pixels, %s',
    async (colorScheme) => {
      const data = snapshotOf(
        openMachine('x86_64-6.1-debian'),
        'a-rather-long-name-of-a-file.vmcore.flat.gz',
      );
      const options = { viewport: { width: 360, height: 740 }, colorScheme };
      const report = await openReport(browser, data, options, '#0xffff888101b28000');
      await painted(report.page);
      expect(await report.page.evaluate('document.documentElement.scrollWidth')).toBe(360);
      expect(Object.keys(await coloursOf(report.page)).length).toBeGreaterThan(1);
      await report.close();
    },
  );

  test.each(['light', 'dark'] as const)('axe finds nothing to complain of, %s', async (colorScheme) => {
    const data = snapshotOf(openMachine('x86_64-6.1-debian'), 'vmcore');
    const report = await openReport(browser, data, { colorScheme }, '#0xffff888101b28000');
    await painted(report.page);
    await report.page.evaluate(AXE);
    const violations = await report.page.evaluate(
      `axe.run(document).then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html]))`,
    );
    expect(violations).toEqual([]);
    await report.close();
  });

  test('without JavaScript the figures are there, and the page says what is not', async () => {
    const data = snapshotOf(openMachine('x86_64-6.1-debian'), 'vmcore');
    const report = await openReport(browser, data, { javaScriptEnabled: false });
    const text = await report.page.locator('body').innerText();
    expect(text).toContain('need JavaScript');
    expect(text).toContain('1,517');
    await report.close();
  });

  test('16 GiB in pages of 4K, every other one not present, are open within a second', async () => {
    const data = snapshotOf(openMachine('x86_64-5.10-debug-pagealloc'), 'vmcore');
    const [present, absent] = [true, false].map((each) =>
      data.attributes.findIndex(({ present }) => present === each),
    );
    const pages = 2 ** 22;
    const number = 2 ** 18;
    const map = {
      ...data.map!,
      pages,
      kinds: Array.from({ length: number }, (_, index) => (index % 2 === 0 ? present! : absent!)),
      lengths: Array.from({ length: number }, () => pages / number),
    };
    const report = await openReport(browser, { ...data, map });
    await painted(report.page);
    const ready = await report.page.evaluate(() => performance.now());
    expect(ready).toBeLessThan(1000);
    expect(report.errors).toEqual([]);
    await report.close();
  });
});
