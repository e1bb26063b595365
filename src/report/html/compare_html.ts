/** A grid of outcomes as one page of HTML: each cell opens to what was returned and what happened. No script. */

import type { Grid, GridCell, GridRow } from '../../check/compare.ts';
import { meaningsIn } from '../compare_text.ts';
import { escapeHtml } from './escape.ts';
import { STYLE } from './style.ts';

const GRID_STYLE = `
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border: 1px solid var(--line); }
thead th { font-family: var(--mono); font-size: .85rem; }
tbody th { font-weight: 600; white-space: nowrap; }
summary { cursor: pointer; }
.grid { overflow-x: auto; }
.good { color: var(--fg); } .bad { color: var(--error); } .silent { color: var(--warning); } .none { color: var(--dim); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; color: var(--dim); }
dt { font-family: var(--mono); } dd { margin: 0; }
ol { padding-left: 1.4rem; } ol ul { padding-left: 1rem; }
`;

const CLASSES: Readonly<Record<string, string>> = {
  ok: 'good',
  split: 'good',
  merge: 'good',
  holds: 'good',
  '0, no-op': 'silent',
  '0, part': 'silent',
  stale: 'silent',
  undecided: 'silent',
  '-': 'none',
  'n/m': 'none',
};

export function compareHtml(grid: Grid): string {
  const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";
  const head = grid.kernels.map((name) => `<th scope="col">${escapeHtml(name)}</th>`).join('');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(grid.subject)}: compared</title>
<style>${STYLE}${GRID_STYLE}</style>
</head>
<body>
<header>
<h1>${escapeHtml(grid.subject)}</h1>
<p>${escapeHtml(grid.title.join(' '))}</p>
</header>
<main class="grid">
<table>
<thead><tr><th scope="col">machine</th>${head}</tr></thead>
<tbody>
${grid.rows.map(rowHtml).join('\n')}
</tbody>
</table>
${legend(grid)}
</main>
</body>
</html>
`;
}

function legend(grid: Grid): string {
  const terms = meaningsIn(grid).map(
    ([word, meaning]) => `<dt>${escapeHtml(word)}</dt><dd>${escapeHtml(meaning)}</dd>`,
  );
  return terms.length === 0 ? '' : `<dl>${terms.join('')}</dl>`;
}

function rowHtml({ arch, boot, cells }: GridRow): string {
  const name = boot === '' || boot === 'default' ? arch : `${arch} ${boot}`;
  return `<tr><th scope="row">${escapeHtml(name)}</th>${cells.map(cellHtml).join('')}</tr>`;
}

function cellHtml(cell: GridCell): string {
  const { outcome } = cell;
  const inner = detailsOf(cell);
  const word = `<span class="${CLASSES[outcome] ?? 'bad'}">${escapeHtml(outcome)}</span>`;
  return inner === '' ? `<td>${word}</td>` : `<td><details><summary>${word}</summary>${inner}</details></td>`;
}

function detailsOf({ returned, happened, because, differs, replay }: GridCell): string {
  const parts: string[] = [];
  if (because !== undefined) parts.push(`<p>${escapeHtml(because)}</p>`);
  if (differs !== undefined) {
    const { from, here, there } = differs;
    parts.push(`<p>differs from ${escapeHtml(from)}: ${escapeHtml(here)}; there: ${escapeHtml(there)}</p>`);
  }
  if (returned.length > 0)
    parts.push(`<ol>${returned.map((call, i) => stepHtml(call, happened[i] ?? [])).join('')}</ol>`);
  if (replay !== undefined) parts.push(`<p><code>directmap replay '${escapeHtml(replay)}'</code></p>`);
  return parts.join('');
}

function stepHtml(call: string, happened: readonly string[]): string {
  const lines = happened.map((text) => `<li>${escapeHtml(text)}</li>`).join('');
  return `<li><code>${escapeHtml(call)}</code>${lines === '' ? '' : `<ul>${lines}</ul>`}</li>`;
}
