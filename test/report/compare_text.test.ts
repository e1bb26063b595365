import { describe, expect, it } from 'vitest';
import type { Grid, GridCell } from '../../src/check/compare.ts';
import { compareText } from '../../src/report/compare_text.ts';
import { compareHtml } from '../../src/report/html/compare_html.ts';

const cell = (kernel: string, outcome: string, more: Partial<GridCell> = {}): GridCell => ({
  ...{ kernel, outcome, returned: ['f(pfn 0x1) = 0'], happened: [['PTE: P RW -> - RW']] },
  ...more,
});

const GRID: Grid = {
  schema: 'directmap-compare/1',
  subject: 'a.js',
  kind: 'scenario',
  title: ['One page out & <back>.'],
  kernels: ['v5.10.223', 'v7.2.13'],
  rows: [
    {
      arch: 'arm64',
      boot: 'rodata=off',
      cells: [
        cell('v5.10.223', '0, no-op'),
        cell('v7.2.13', 'ok', {
          differs: { from: 'v5.10.223', call: 'f(pfn 0x2)', here: 'PTE: a -> b', there: 'nothing changed' },
        }),
      ],
    },
    {
      arch: 'loongarch64',
      boot: 'default',
      cells: [cell('v5.10.223', '-'), cell('v7.2.13', 'n/m', { because: 'not modelled: <f()>' })],
    },
  ],
};

describe('a grid', () => {
  it('is a table for a mail, with what differs, why something is missing, and what the words mean', () => {
    expect(compareText(GRID)).toBe(`a.js
  One page out & <back>.

                  v5.10.223 v7.2.13
arm64 rodata=off  0, no-op  ok
loongarch64       -         n/m

first difference
  arm64 rodata=off, v7.2.13 from v5.10.223, in f(pfn 0x2):
    here   PTE: a -> b
    there  nothing changed

why
  n/m: not modelled: <f()>
    loongarch64 v7.2.13

  ok        every call did what it says, and nothing had to be split
  0, no-op  a call returned 0 and changed nothing (F2)
  -         the release has no such architecture, or it was not run
  n/m       not modelled; it says why
`);
  });

  it('puts names on lines of their own where the table is too wide for a mail', () => {
    const kernels = ['v5.10.223', 'v5.11', 'v6.1.192', 'v6.12.107', 'v7.2.13', 'v7.2.13+cpa-collapse'];
    const rows = [
      { arch: 'x86_64', boot: 'debug_pagealloc=on', cells: kernels.map((name) => cell(name, 'ok')) },
    ];
    const lines = compareText({ ...GRID, kernels, rows }).split('\n');
    expect(lines.every((line) => line.length <= 72)).toBe(true);
    expect(lines).toContain('x86_64 debug_pagealloc=on');
  });

  it('is a page without a script, in which nothing of the grid is markup', () => {
    const html = compareHtml(GRID);
    expect(html).toContain('default-src &#39;none&#39;');
    expect(html).not.toContain('<script');
    expect(html).toContain('One page out &amp; &lt;back&gt;.');
    expect(html).toContain('not modelled: &lt;f()&gt;');
    expect(html.match(/<tr>/g)).toHaveLength(3);
  });
});
