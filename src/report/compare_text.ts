/** A grid of outcomes as text for a mail: a row for each architecture and way to boot, a column for each kernel. */

import type { Grid, GridCell, GridRow } from '../check/compare.ts';
import { COLUMNS, wrap } from './wrap.ts';

const INDENT = '  ';
const CELL = 10;
const MIN_HEAD = 12;

/** What the words of the cells mean, in the order in which they are explained. */
const MEANINGS: Readonly<Record<string, string>> = {
  ok: 'every call did what it says, and nothing had to be split',
  split: 'every call did what it says, by splitting a leaf',
  merge: 'every call did what it says, and a table became a leaf again',
  stale: 'an access passed by a translation that the tables no longer have',
  '0, no-op': 'a call returned 0 and changed nothing (F2)',
  '0, part': 'a call returned 0, and not every page is as it says (F6)',
  oops: 'the machine dies of an access',
  dies: 'the machine dies: BUG, panic or a CPU that spins',
  '-': 'the release has no such architecture, or it was not run',
  'n/m': 'not modelled; it says why',
};

/** The words of this grid that need an explanation, and what they mean. */
export function meaningsIn({ rows }: Grid): [word: string, meaning: string][] {
  const used = new Set(rows.flatMap(({ cells }) => cells.map(({ outcome }) => outcome)));
  return Object.entries(MEANINGS).filter(([word]) => used.has(word));
}

export function compareText(grid: Grid): string {
  const head = Math.max(MIN_HEAD, ...grid.rows.map((row) => rowName(row).length + 2));
  const wide = head + grid.kernels.length * CELL <= COLUMNS;
  const lines = [grid.subject, ...grid.title.flatMap((text) => wrap(text, INDENT)), ''];
  lines.push(wide ? tableHead(grid, head) : `${' '.repeat(INDENT.length)}${tableHead(grid, 0)}`);
  for (const row of grid.rows) {
    const cells = row.cells
      .map(({ outcome }) => outcome.padEnd(CELL))
      .join('')
      .trimEnd();
    if (wide) lines.push(rowName(row).padEnd(head) + cells);
    else lines.push(rowName(row), INDENT + cells);
  }
  return `${[...lines, ...longNames(grid), ...differences(grid), ...reasons(grid), ...legend(grid)].join('\n')}\n`;
}

function rowName({ arch, boot }: GridRow): string {
  return boot === '' || boot === 'default' ? arch : `${arch} ${boot}`;
}

function tableHead({ kernels }: Grid, head: number): string {
  return (' '.repeat(head) + kernels.map((name, i) => shortName(name, i).padEnd(CELL)).join('')).trimEnd();
}

/** "v5.10.223" is as long as a column can show; longer names are numbered, and stand below the table. */
function shortName(name: string, i: number): string {
  return name.length < CELL ? name : `[${i + 1}]`;
}

function longNames({ kernels }: Grid): string[] {
  const lines = kernels.flatMap((name, i) => (name.length < CELL ? [] : [`${INDENT}[${i + 1}] ${name}`]));
  return lines.length === 0 ? [] : ['', ...lines];
}

/** Row by row, what is the first thing that is not the same. Kernels that differ alike are told of together. */
function differences({ rows }: Grid): string[] {
  const lines = rows.flatMap((row) => {
    const groups = new Map<string, GridCell[]>();
    for (const cell of row.cells) {
      if (cell.differs === undefined) continue;
      const { from, call, here, there } = cell.differs;
      const key = JSON.stringify([from, call.replace(/0x[0-9a-f]+/g, ''), here, there]);
      groups.set(key, [...(groups.get(key) ?? []), cell]);
    }
    return [...groups.values()].flatMap((cells) => differenceLines(row, cells));
  });
  return lines.length === 0 ? [] : ['', 'first difference', ...lines];
}

function differenceLines(row: GridRow, cells: readonly GridCell[]): string[] {
  const { from, call, here, there } = cells[0]!.differs!;
  const names = cells.map(({ kernel }) => kernel).join(', ');
  return [
    ...wrap(`${rowName(row)}, ${names} from ${from}${call === '' ? '' : `, in ${call}`}:`, INDENT),
    ...wrap(`here   ${here}`, '    ', '           '),
    ...wrap(`there  ${there}`, '    ', '           '),
  ];
}

/** Why something is not modelled, or refuted, each reason once. */
function reasons({ rows }: Grid): string[] {
  const by = new Map<string, string[]>();
  for (const row of rows) {
    for (const { kernel, outcome, because } of row.cells) {
      if (because === undefined) continue;
      const key = `${outcome}: ${because}`;
      by.set(key, [...(by.get(key) ?? []), `${rowName(row)} ${kernel}`]);
    }
  }
  if (by.size === 0) return [];
  const lines = [...by].flatMap(([text, where]) => [
    ...wrap(text.replace(/\s+/g, ' '), INDENT),
    ...wrap(where.join(', '), '    '),
  ]);
  return ['', 'why', ...lines];
}

function legend(grid: Grid): string[] {
  const lines = meaningsIn(grid).flatMap(([word, text]) => wrap(text, `${INDENT}${word.padEnd(CELL)}`));
  return lines.length === 0 ? [] : ['', ...lines];
}
