/** How the map and the walk of an address look, in the dark and in the light: in the report and in the workbench. */

import { STATES } from './viewer/states.ts';

export const VIEWER_COLOURS = `
:root {
  color-scheme: light dark;
  --bg: #fdfdfc; --fg: #1b1d20; --dim: #5b6169; --line: #d5d8dc; --panel: #f4f5f5; --accent: #0b57a4;
  --mark: #a4003f; --error: #b3112f; --warning: #8a5200; --note: #4b5563;
  --s-hole: #9aa1a9; --s-large: #cfdcea; --s-middle: #9dbbdb; --s-base: #4d86c0; --s-shared: #a9b4bf;
  --s-type: #a98a4b; --s-ro: #2f9e83; --s-x: #8a5fc4; --s-np: #eb9b00; --s-np-large: #c05a00;
  --s-stale: #c400b8; --s-missing: #8b9097; --s-bad: #b3112f; --s-wx: #e11d2e;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #14171a; --fg: #e4e6e8; --dim: #9aa2ab; --line: #343a40; --panel: #1c2024; --accent: #7db7f0;
    --mark: #ff86b0; --error: #ff8088; --warning: #f0b45c; --note: #a9b1ba;
    --s-hole: #606870; --s-large: #2e4560; --s-middle: #3f6a99; --s-base: #74a9df; --s-shared: #59636d;
    --s-type: #b59a5e; --s-ro: #3fae92; --s-x: #a585d9; --s-np: #f2ae2e; --s-np-large: #e07b26;
    --s-stale: #ff70f0; --s-missing: #767d85; --s-bad: #ff6b74; --s-wx: #ff4656;
  }
}
`;

export const VIEWER_STYLE = `
.status, .steps { font-family: var(--mono); font-size: .85rem; }
.size { color: var(--dim); font-weight: 400; font-size: .85rem; white-space: nowrap; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem; }
.state { display: inline-flex; align-items: center; gap: .45rem; padding: .15rem .5rem; font-size: .85rem; border-color: var(--line); }
.state[hidden] { display: none; }
.state[aria-pressed="true"] { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }
.swatch { width: .9rem; height: .9rem; border: 1px solid var(--dim); }
${swatches()}
.swatch.s-hole { background: linear-gradient(var(--s-hole), var(--s-hole)) center / 100% 1px no-repeat; }
.swatch.s-np-large, .swatch.s-missing, .swatch.s-bad, .swatch.s-shared, .swatch.s-stale { background-image: repeating-linear-gradient(135deg, transparent 0 2px, var(--bg) 2px 3.5px); }
.bar { display: flex; flex-wrap: wrap; gap: .4rem 1rem; justify-content: space-between; align-items: center; margin: .6rem 0 .4rem; }
.crumbs { font-size: .85rem; display: flex; flex-wrap: wrap; align-items: center; gap: .3rem; white-space: pre; }
.crumbs button { font-family: var(--mono); font-size: .8rem; padding: .1rem .35rem; border-color: transparent; color: var(--accent); text-decoration: underline; overflow-wrap: anywhere; white-space: normal; text-align: left; }
.crumbs button[aria-current] { color: var(--fg); text-decoration: none; border-color: var(--line); }
.scale { color: var(--dim); padding-left: .6rem; }
.tools { display: flex; gap: .3rem; }
.tools button { min-width: 2.1rem; padding: .2rem .5rem; }
.map canvas { display: block; width: 100%; }
.strip { margin-bottom: .4rem; cursor: pointer; }
.rows { cursor: crosshair; touch-action: pan-y pinch-zoom; }
.status { min-height: 2.9em; margin: .4rem 0 0; max-width: none; white-space: pre-wrap; overflow-wrap: anywhere; color: var(--fg); }
.hint { color: var(--dim); font-size: .85rem; max-width: none; margin: .4rem 0 0; }
.steps { list-style: none; margin: .8rem 0 0; padding: 0; border-left: 2px solid var(--line); }
.step { display: grid; grid-template-columns: auto 1fr; gap: 0 .8rem; padding: .3rem 0 .45rem .8rem; }
.level { font-weight: 700; }
.raw { text-align: right; }
.at, .leads { color: var(--dim); grid-column: 1 / -1; }
.bits { grid-column: 1 / -1; }
.bit { display: inline-block; padding: 0 .3rem; margin: .1rem 0; border: 1px solid var(--line); border-radius: 2px; background: var(--panel); }
.step:last-child .leads { color: var(--fg); }
.not-present .leads, .bad .leads, .missing .leads { color: var(--warning) !important; }
.swatch.s-stale { background-color: var(--s-stale); }
.was { color: var(--dim); grid-column: 1 / -1; text-align: right; }
ins.bit { text-decoration: none; border-color: var(--accent); color: var(--accent); }
del.bit { color: var(--warning); }
.gone { color: var(--dim); }
`;

function swatches(): string {
  return STATES.filter((state) => state !== 'hole')
    .map((state) => `.swatch.s-${state} { background-color: var(--s-${state}); }`)
    .join('\n');
}
