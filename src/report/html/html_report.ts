/** What was found in an address space as one page of HTML, that needs nothing beside it and reaches for nothing. */

import type { ReportSnapshot } from '../../inspect/snapshot/report_snapshot.ts';
import { escapeHtml, jsonForScript } from './escape.ts';
import { factsSection, findingsSection, fragmentationSection, regionsSection } from './sections.ts';
import { STYLE } from './style.ts';

/** `viewerScript` is what `joinViewer` makes. Only that script runs in the page: its digest is in the page's policy. */
export async function htmlReport(data: ReportSnapshot, viewerScript: string): Promise<string> {
  const script = `\n${viewerScript}\n`;
  const policy = `default-src 'none'; script-src 'sha256-${await sha256(script)}'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'`;
  const name = escapeHtml(data.name);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${name}: direct map</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${name}</h1>
${factsSection(data)}
</header>
<main>
<div id="map-and-walk">
<section aria-labelledby="map-title">
<h2 id="map-title">Direct map</h2>
${mapNotes(data)}
<div id="map"></div>
<noscript><p class="note">The map and the walk of an address need JavaScript. All else is below.</p></noscript>
</section>
<section aria-labelledby="walk-title">
<h2 id="walk-title">Walk</h2>
<form id="ask">
<label for="asked">Address, pfn or physical address</label>
<div><input id="asked" type="text" autocomplete="off" autocapitalize="off" spellcheck="false"><button type="submit">Walk</button></div>
</form>
<div id="answer" aria-live="polite"><p class="note">Choose a page in the map, follow an address below, or write one.</p></div>
</section>
</div>
<section aria-labelledby="findings-title">
<h2 id="findings-title">Findings</h2>
${findingsSection(data)}
</section>
<section aria-labelledby="lost-title">
<h2 id="lost-title">Large leaves lost</h2>
${fragmentationSection(data)}
</section>
<section aria-labelledby="regions-title">
<h2 id="regions-title">What is mapped</h2>
${regionsSection(data)}
</section>
</main>
<script type="application/json" id="data">${jsonForScript(data)}</script>
<script type="module">${script}</script>
</body>
</html>
`;
}

function mapNotes({ map, tables }: ReportSnapshot): string {
  const notes: string[] = [];
  if (map === null) notes.push('There is no direct map in these page tables: there is nothing to draw.');
  else if (map.omittedPages > 0) {
    notes.push('The direct map is in too many pieces for one file: the map ends before it does.');
  }
  if (tables === null) notes.push('The source shows no entries, so no address can be walked.');
  else if (tables.omittedFrom > 0) {
    const { name } = tables.levels.find(({ level }) => level === tables.omittedFrom) ?? { name: 'lowest' };
    notes.push(`There are too many ${name} tables for one file: walks end above them.`);
  }
  return notes.map((text) => `<p class="note">${escapeHtml(text)}</p>`).join('');
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
}
