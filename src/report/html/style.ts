/** How a report looks, in the dark and in the light, from 360 pixels up. */

import { SECTIONS_STYLE } from './sections_style.ts';
import { VIEWER_COLOURS, VIEWER_STYLE } from './viewer_style.ts';

export const STYLE = `
${VIEWER_COLOURS}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 84rem; padding: 1rem clamp(.75rem, 2vw, 2rem) 3rem; background: var(--bg); color: var(--fg); font: 15px/1.45 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font: 600 1.25rem/1.3 var(--mono); margin: 0 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 1.75rem 0 .5rem; }
h3 { font-size: .95rem; font-weight: 600; margin: 0; }
p { margin: .25rem 0 .5rem; max-width: 46rem; }
a { color: var(--accent); }
code, dd, td, input, .places, .range, .lost a { font-family: var(--mono); font-size: .85rem; }
dl { margin: 0; }
dl > div { display: grid; grid-template-columns: 6.5rem 1fr; gap: .5rem; }
dt { color: var(--dim); }
dd { margin: 0; overflow-wrap: anywhere; padding-top: .1rem; }
button, input { font: inherit; color: inherit; background: var(--bg); border: 1px solid var(--dim); border-radius: 3px; padding: .3rem .6rem; }
button { cursor: pointer; }
button:hover { background: var(--panel); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
#map-and-walk { display: grid; grid-template-columns: minmax(0, 1fr); column-gap: 2rem; }
@media (min-width: 62rem) { #map-and-walk { grid-template-columns: minmax(0, 1fr) 25rem; } }
#map-and-walk section { min-width: 0; }
form label { display: block; font-size: .85rem; color: var(--dim); }
form > div { display: flex; gap: .4rem; margin: .2rem 0 .8rem; }
input { flex: 1; min-width: 0; }
input::placeholder { color: var(--dim); opacity: 1; }
input[aria-invalid="true"] { border-color: var(--error); }
summary { cursor: pointer; color: var(--accent); font-size: .9rem; }
${SECTIONS_STYLE}
${VIEWER_STYLE}
@media (max-width: 40rem) { dl > div { grid-template-columns: 5rem 1fr; } th, td { padding-right: .5rem; } td { font-size: .8rem; } }
@media print { #map-and-walk form, .tools { display: none; } }
`;
