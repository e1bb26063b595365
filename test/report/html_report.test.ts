import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { inspectMachine, inspectText } from '../../src/inspect/inspection.ts';
import { Machine } from '../../src/inspect/machine.ts';
import { parsePtdump } from '../../src/inspect/ptdump/ptdump.ts';
import type { ReportSnapshot } from '../../src/inspect/snapshot/report_snapshot.ts';
import { snapshot } from '../../src/inspect/snapshot/snapshot.ts';
import { htmlReport } from '../../src/report/html/html_report.ts';
import { joinViewer, VIEWER_FILES } from '../../src/report/html/viewer_script.ts';
import { openCore } from '../support/open_core.ts';

const CORES = path.join(import.meta.dirname, '../data/cores');
const SCRIPT = 'const script = 1;';

function inspect(core: string) {
  const machine = new Machine(openCore(path.join(CORES, `${core}.core.gz`)), {}, core);
  return inspectMachine(machine, core);
}

const debian = snapshot(inspect('x86_64-6.1-debian'));

/** The snapshot with every text in it replaced. */
function withTexts(data: ReportSnapshot, replace: (text: string) => string): ReportSnapshot {
  return JSON.parse(JSON.stringify(data), (_, value) => (typeof value === 'string' ? replace(value) : value));
}

/** Names of all elements, in order: what a browser would make of the page, as far as it is well formed. */
function elementsOf(html: string): string[] {
  return [...html.matchAll(/<\/?[a-z][a-z0-9]*/gi)].map(([tag]) => tag);
}

function dataOf(html: string): unknown {
  return JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)?.[1] ?? '');
}

describe('hostile text', () => {
  test.each([
    '</script><img src=x onerror=alert(1)>',
    '"><script>alert(1)</script>',
    "' onmouseover='alert(1)",
    '<!--<script>',
    '</style></title>\u2028]]>',
    'javascript:alert(1)',
  ])('%s, in every place of a snapshot, adds no element and ends no attribute', async (hostile) => {
    const plain = await htmlReport(
      withTexts(debian, (text) => `${text}harmless`),
      SCRIPT,
    );
    const html = await htmlReport(
      withTexts(debian, (text) => text + hostile),
      SCRIPT,
    );
    expect(elementsOf(html)).toEqual(elementsOf(plain));
    // Text and attributes hold it escaped; the rest of it is data, which no "<" can end.
    const outside = html.replace(/<script type="application\/json".*?<\/script>/s, '');
    expect(outside.includes(hostile)).toBe(!/[<>"'\u2028]/.test(hostile));
    expect(html).not.toMatch(/href="(?!#)/);
    expect(dataOf(html)).toEqual(withTexts(debian, (text) => text + hostile));
  });

  test('controls and marks that turn the direction of writing are made visible', async () => {
    const html = await htmlReport(
      withTexts(debian, () => 'a\u202eb\u0000c\u001b[31m'),
      SCRIPT,
    );
    const outside = html.replace(/<script type="application\/json".*?<\/script>/s, '');
    expect(outside).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
    expect(outside).toContain('a\ufffdb\ufffdc\ufffd[31m');
  });
});

describe('a page', () => {
  test('allows the one script in it by its digest, and nothing from anywhere', async () => {
    const html = await htmlReport(debian, SCRIPT);
    const script = /<script type="module">(.*?)<\/script>/s.exec(html)?.[1] ?? '';
    expect(script).toContain(SCRIPT);
    const digest = createHash('sha256').update(script).digest('base64');
    expect(html).toContain(`default-src &#39;none&#39;; script-src &#39;sha256-${digest}&#39;;`);
    expect(html).not.toMatch(/\b(?:src|action|srcset|poster)=|url\(|@import|https?:/);
  });

  test('tells all but the map without its script', async () => {
    const html = await htmlReport(debian, SCRIPT);
    expect(html).toContain('Linux 6.1.0-55-amd64');
    expect(html).toContain('<a href="#0xffff888101b28000">');
    expect(html).toMatch(
      /<td>2M<\/td><td class="number">1,517<\/td><td class="number">3\.0 GiB<\/td><td>rw nx/,
    );
    expect(html).toContain('7 of 2,047 blocks are mapped by smaller leaves');
  });

  test('of 4 GiB is small enough to mail', async () => {
    expect((await htmlReport(debian, SCRIPT)).length).toBeLessThan(100_000);
  });
});

describe('a snapshot', () => {
  test.each(['x86_64-6.1-debian', 'x86_64-5.10-debug-pagealloc', 's390x-6.12-edat', 'ppc64-6.12-p10'])(
    'of %s has all stretches of the direct map, end to end, and their frames',
    (core) => {
      const inspection = inspect(core);
      const { map, attributes } = snapshot(inspection);
      const { directMap, pageBytes } = inspection.space;
      let address = directMap!.start;
      let number = 0;
      for (const stretch of inspection.space.stretches(directMap)) {
        expect(stretch.address).toBe(address);
        expect(map?.lengths[number]).toBe(stretch.pages);
        expect(attributes[map!.kinds[number]!]?.names).toBe(stretch.leaf?.names);
        const linear = map!.firstFrame! + (address - directMap!.start) / pageBytes;
        const odd = map!.oddFrames.find(([each]) => each === number);
        if (stretch.frame !== undefined) expect(odd?.[1] ?? linear).toBe(stretch.frame);
        address += stretch.pages * pageBytes;
        number++;
      }
      expect(number).toBe(map?.lengths.length);
      expect(address).toBe(directMap!.end);
    },
  );

  test('beyond its limits is cut, and the page says so', async () => {
    const limits = { runs: 150, stretches: 10, kinds: 2 };
    const data = snapshot(inspect('x86_64-6.1-debian'), limits);
    expect(data.map?.lengths).toHaveLength(10);
    expect(data.map!.pages + data.map!.omittedPages).toBe((5 * 2 ** 30) / 4096);
    expect(data.tables?.omittedFrom).toBe(1);
    expect(data.tables?.tables.every(({ level }) => level > 1)).toBe(true);
    const html = await htmlReport(data, SCRIPT);
    expect(html).toContain('There are too many PTE tables for one file');
    expect(html).toContain('the map ends before it does');
    expect(html).toMatch(/\d more kinds/);
  });

  test('of the text that a kernel printed has the map and no tables, and the page says so', async () => {
    const text = gunzipSync(readFileSync(path.join(CORES, 'x86_64-5.10-custom.ptdump.txt.gz'))).toString();
    const data = snapshot(inspectText(parsePtdump(text, 'ptdump'), 'ptdump'));
    expect(data.tables).toBeNull();
    expect(data.map?.kinds.length).toBeGreaterThan(3);
    // Without the 64 TiB behind it, in which it could be.
    expect(data.map?.pages).toBe(2 ** 20 + 2 ** 18);
    expect(await htmlReport(data, SCRIPT)).toContain('The source shows no entries');
  });

  test('of a machine whose direct map is no page table has the walks and no map, and the page says so', async () => {
    const data = snapshot(inspect('loong64-7.2'));
    expect(data.map).toBeNull();
    expect(data.tables?.tables.length).toBe(10);
    expect(await htmlReport(data, SCRIPT)).toContain('There is no direct map in these page tables');
  });
});

test('the joined script imports and exports nothing', () => {
  const compiled =
    "import { a, b } from './words.js';\nexport const c = 1;\nexport function d() {}\nexport {};\n";
  const script = joinViewer(() => compiled);
  expect(script.split('\n').filter((line) => line !== '')).toEqual(
    VIEWER_FILES.flatMap(() => ['const c = 1;', 'function d() {}']),
  );
});
