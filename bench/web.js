/**
 * How fast the workbench is there, and how fast its map moves, in headless Chromium. Build first: `npm run bench` does.
 *
 * References, in the same run: an empty page from the same server; and for the map the same browser's frames while it
 * draws nothing, and while it draws each leaf as one would first write it, a rectangle for each.
 *
 *     node bench/web.js [--visits 7]
 */

import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';
import { HOST, staticServer } from '../dist/cli/static_server.js';
import { STYLE } from '../dist/report/html/style.js';
import { joinViewer } from '../dist/report/html/viewer_script.js';

const DIST = path.join(import.meta.dirname, '../dist');
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FRAMES = 240;
/** 1 TiB in pages, and its leaves. */
const PAGES = 2 ** 28;
const LEAVES = 100_000;

/** @param {readonly number[]} values */
function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** @param {string} folder */
async function serve(folder) {
  const server = staticServer({ folder }).listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { url: `http://${HOST}:${port}/`, close: () => server.closeAllConnections() ?? server.close() };
}

/**
 * A first visit: milliseconds until something is painted, and until the counterexample is there and can be gone through;
 * and the scripts that came before the editor, by name.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {string} url
 * @param {string | undefined} ready a selector that is there when the page can be used
 */
async function visit(browser, url, ready) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 1000 } });
  const page = await context.newPage();
  /** @type {string[]} */
  const scripts = [];
  let isEditorThere = false;
  context.on('request', (request) => {
    const name = path.basename(new URL(request.url()).pathname);
    if (name.startsWith('code_editor')) isEditorThere = true;
    if (name.endsWith('.js') && !isEditorThere) scripts.push(name);
  });
  await page.goto(url, { waitUntil: 'commit' });
  if (ready !== undefined) await page.locator(ready).waitFor();
  const { interactive, painted } = await page.evaluate(
    `new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve({
      interactive: performance.now(),
      painted: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? performance.now(),
    }))))`,
  );
  await page.waitForTimeout(1500);
  await context.close();
  return { painted, interactive, scripts };
}

/** @param {import('playwright-core').Browser} browser @param {number} visits */
async function benchVisits(browser, visits) {
  const empty = mkdtempSync(path.join(tmpdir(), 'directmap-bench-'));
  writeFileSync(path.join(empty, 'index.html'), '<!doctype html><title>empty</title><p>empty');
  const workbench = await serve(path.join(DIST, 'web'));
  const reference = await serve(empty);
  try {
    const ours = [];
    const theirs = [];
    for (let i = 0; i < visits; i++) {
      theirs.push(await visit(browser, reference.url, undefined));
      ours.push(await visit(browser, workbench.url, 'main[data-settled="true"]'));
    }
    const painted = median(ours.map((each) => each.painted));
    const interactive = median(ours.map((each) => each.interactive));
    const base = median(theirs.map((each) => each.painted));
    console.log(`a first visit, median of ${visits}`);
    console.log(`  an empty page is painted      ${base.toFixed(0).padStart(6)} ms`);
    console.log(
      `  the workbench is painted      ${painted.toFixed(0).padStart(6)} ms  ${(painted / base).toFixed(1)} x`,
    );
    console.log(
      `  and can be used               ${interactive.toFixed(0).padStart(6)} ms  ${(interactive / base).toFixed(1)} x`,
    );
    printScripts(ours.at(-1)?.scripts ?? []);
  } finally {
    workbench.close();
    reference.close();
    rmSync(empty, { recursive: true });
  }
}

/** @param {readonly string[]} names */
function printScripts(names) {
  const sizes = [...new Set(names)].map((name) => {
    const text = readFileSync(path.join(DIST, 'web/assets', name));
    return { name, packed: gzipSync(text, { level: 9 }).length, plain: text.length };
  });
  const total = sizes.reduce((sum, { packed }) => sum + packed, 0);
  console.log('\nJavaScript before the editor loads, gzipped');
  for (const { name, packed } of sizes) {
    console.log(
      `  ${name.replace(/-[\w-]{8}\.js$/, '').padEnd(28)} ${(packed / 1000).toFixed(1).padStart(7)} kB`,
    );
  }
  console.log(`  ${'all'.padEnd(28)} ${(total / 1000).toFixed(1).padStart(7)} kB`);
}

/** Leaves of 1 TiB of three sizes by turns, none like its neighbour. */
function largeMap() {
  const attributes = [
    { level: 1, bytes: 4096, size: '4K', writable: true },
    { level: 2, bytes: 2 ** 21, size: '2M', writable: true },
    { level: 1, bytes: 4096, size: '4K', writable: false },
  ].map((leaf) => ({ ...leaf, present: true, executable: false, memoryType: 'WB', names: '', access: '' }));
  const each = Math.floor(PAGES / LEAVES);
  const lengths = Array.from({ length: LEAVES }, () => each);
  lengths[LEAVES - 1] = PAGES - each * (LEAVES - 1);
  const start = '0xffff888000000000';
  return {
    rest: { pageBytes: 4096, usualMemoryType: 'WB', attributes },
    map: {
      ...{ start, windowStart: start, windowPages: 2 ** 34, pages: PAGES, omittedPages: 0, firstFrame: 0 },
      ...{
        kinds: lengths.map((_, number) => number % 3),
        lengths,
        oddFrames: [],
        blockBytes: [2 ** 21, 2 ** 30],
      },
    },
  };
}

/** In the page: calls `draw` for each frame, and tells how many there were in a second and how long drawing took. */
const MEASURE = `async function measure(draw) {
  const times = [];
  let last = await new Promise(requestAnimationFrame);
  const begun = last;
  for (let frame = 0; frame < ${FRAMES}; frame++) {
    const before = performance.now();
    draw(frame);
    times.push(performance.now() - before);
    last = await new Promise(requestAnimationFrame);
  }
  times.sort((a, b) => a - b);
  return { perSecond: (1000 * ${FRAMES}) / (last - begun), middle: times[${FRAMES / 2}], worst: times[Math.floor(${FRAMES} * 0.99)] };
}`;

/** @param {import('playwright-core').Browser} browser */
async function benchMap(browser) {
  const viewer = joinViewer((file) =>
    file === 'main'
      ? 'window.viewer = { DirectMap, MapView };'
      : readFileSync(path.join(DIST, 'report/html/viewer', `${file}.js`), 'utf8'),
  );
  const page = await browser.newPage({ viewport: { width: 1400, height: 1000 } });
  await page.setContent(
    `<!doctype html><title>map</title><style>${STYLE}</style><main id="map"></main><canvas id="naive" width="1200" height="416"></canvas><script type="module">${viewer}</script>`,
  );
  await page.waitForFunction('window.viewer !== undefined');
  const { rest, map } = largeMap();
  await page.evaluate(`window.given = ${JSON.stringify({ rest, map })}`);
  const found = await page.evaluate(`(async () => {
    ${MEASURE}
    const map = new viewer.DirectMap(given.rest, given.map);
    const view = new viewer.MapView(map, () => {});
    document.getElementById('map').append(view.element);
    view.paintNow();
    const nothing = await measure(() => {});
    // In to a page and out to the window of 64 TiB, again and again.
    const zoom = await measure((frame) => {
      view.zoomBy(frame % 60 < 30 ? 1 / 2 : 2);
      view.paintNow();
    });
    const context = document.getElementById('naive').getContext('2d');
    const naive = await measure(() => {
      context.clearRect(0, 0, 1200, 416);
      for (let number = 0; number < ${LEAVES}; number++) {
        const place = (number / ${LEAVES}) * 32;
        context.fillStyle = number % 3 === 0 ? '#4d86c0' : number % 3 === 1 ? '#9dbbdb' : '#2f9e83';
        context.fillRect((place % 1) * 1200, Math.floor(place) * 13, 1, 11);
      }
    });
    return { nothing, zoom, naive };
  })()`);
  await page.close();
  console.log(`\nzooming a map of 1 TiB with ${LEAVES.toLocaleString('en')} leaves, ${FRAMES} frames`);
  for (const [name, key] of /** @type {const} */ ([
    ['nothing is drawn', 'nothing'],
    ['the map', 'zoom'],
    ['a rectangle for each leaf', 'naive'],
  ])) {
    const { perSecond, middle, worst } = found[key];
    console.log(
      `  ${name.padEnd(28)} ${perSecond.toFixed(1).padStart(7)} frames/s  ${middle.toFixed(1)} ms to draw, 99 of 100 in ${worst.toFixed(1)} ms`,
    );
  }
}

const { values } = parseArgs({ options: { visits: { type: 'string', default: '7' } } });
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
try {
  await benchVisits(browser, Number(values.visits));
  await benchMap(browser);
} finally {
  await browser.close();
}
