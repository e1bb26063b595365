/** The parts of a report that need no script. All addresses are links, which the page's script follows if it runs. */

import type {
  AttributesSnapshot,
  FindingSnapshot,
  FragmentationSnapshot,
  RegionSnapshot,
  ReportSnapshot,
} from '../../inspect/snapshot/report_snapshot.ts';
import { escapeHtml } from './escape.ts';
import { aboutSize, countOf } from './viewer/words.ts';

/** Places of a finding that are shown at once. */
const PLACES_SHOWN = 6;

export function factsSection({ facts }: ReportSnapshot): string {
  const rows = facts.map(
    ({ name, value }) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`,
  );
  return `<dl class="facts">${rows.join('')}</dl>`;
}

export function findingsSection({ findings, notChecked, pageBytes }: ReportSnapshot): string {
  const list = findings.map((finding) => findingItem(finding, pageBytes));
  const none = '<p>No rule is broken.</p>';
  const unchecked = notChecked.map((what) => `<p class="note">Not checked: ${escapeHtml(what)}.</p>`);
  return `${list.length === 0 ? none : `<ol class="findings">${list.join('')}</ol>`}${unchecked.join('')}`;
}

function findingItem(finding: FindingSnapshot, pageBytes: number): string {
  const { rule, severity, why, count, pages, places } = finding;
  const items = places.map(
    ({ address, pages, what }) =>
      `<li>${addressLink(address)} <span class="size">${aboutSize(pages * pageBytes)}</span> ${escapeHtml(what)}</li>`,
  );
  const hidden = items.slice(PLACES_SHOWN);
  const beyond = count - places.length;
  const more =
    hidden.length === 0
      ? ''
      : `<details><summary>${hidden.length} more</summary><ul class="places">${hidden.join('')}</ul></details>`;
  return `<li data-rule="${escapeHtml(rule)}"><h3><span class="severity ${escapeHtml(severity)}">${escapeHtml(severity)}</span> <code>${escapeHtml(rule)}</code> <span class="size">${countOf(count)} ${count === 1 ? 'place' : 'places'}, ${aboutSize(pages * pageBytes)}</span></h3><p>${escapeHtml(why)}</p><ul class="places">${items.slice(0, PLACES_SHOWN).join('')}</ul>${more}${beyond > 0 ? `<p class="note">${countOf(beyond)} more are not in this report.</p>` : ''}</li>`;
}

export function regionsSection(data: ReportSnapshot): string {
  const bodies = data.regions
    .filter((region) => !isEmpty(region))
    .map((region) => regionBody(region, data.attributes, data.pageBytes));
  const empty = data.regions.length - bodies.length;
  const left =
    empty === 0
      ? ''
      : `<p class="note">Left out: ${empty === 1 ? 'a part' : `${empty} parts`} of the address space with nothing mapped.</p>`;
  return `<div class="scroll" tabindex="0" role="group" aria-labelledby="regions-title"><table class="regions"><thead><tr><th scope="col">leaf</th><th scope="col" class="number">entries</th><th scope="col" class="number">size</th><th scope="col">access</th><th scope="col">bits</th></tr></thead>${bodies.join('')}</table></div>${left}`;
}

function isEmpty({ leaves, badPages, missingPages, sharedPages }: RegionSnapshot): boolean {
  return leaves.length === 0 && badPages === 0 && missingPages === 0 && sharedPages === 0;
}

function regionBody(
  region: RegionSnapshot,
  attributes: readonly AttributesSnapshot[],
  pageBytes: number,
): string {
  const { name, start, last, leaves, moreKinds, holePages, badPages, missingPages, sharedPages } = region;
  const leafRows = alike(leaves, attributes).map(({ leaf, count, pages }) => {
    const entries = count === 0 ? '' : countOf(count);
    return row([
      leaf.size,
      entries,
      aboutSize(pages * pageBytes),
      leaf.present ? leaf.access : 'not present',
      leaf.names,
    ]);
  });
  if (moreKinds > 0) leafRows.push(row([`${countOf(moreKinds)} more kinds`, '', '', '', '']));
  const rest = [
    ['no legal reading', badPages],
    ['table not in the source', missingPages],
    ['in tables seen before', sharedPages],
    ['nothing', holePages],
  ] as const;
  const restRows = rest.flatMap(([what, pages]) =>
    pages === 0 ? [] : [row([what, '', aboutSize(pages * pageBytes), '', ''])],
  );
  return `<tbody><tr class="region"><th scope="rowgroup" colspan="5">${escapeHtml(name)} <span class="range">${addressLink(start)}<wbr>-${escapeHtml(last)}</span></th></tr>${leafRows.join('')}${restRows.join('')}</tbody>`;
}

/** Leaves that say the same together, though the tables above them do not. */
function alike(leaves: RegionSnapshot['leaves'], attributes: readonly AttributesSnapshot[]) {
  const found = new Map<string, { leaf: AttributesSnapshot; count: number; pages: number }>();
  for (const [number, count, pages] of leaves) {
    const leaf = attributes[number]!;
    const key = `${leaf.bytes} ${leaf.present} ${leaf.access} ${leaf.names} ${leaf.bits}`;
    const same = found.get(key) ?? { leaf, count: 0, pages: 0 };
    found.set(key, { leaf, count: same.count + count, pages: same.pages + pages });
  }
  return [...found.values()];
}

function row([what, entries, size, access, bits]: readonly [string, string, string, string, string]): string {
  return `<tr><td>${escapeHtml(what)}</td><td class="number">${entries}</td><td class="number">${size}</td><td>${escapeHtml(access)}</td><td>${escapeHtml(bits)}</td></tr>`;
}

export function fragmentationSection({ fragmentation, map }: ReportSnapshot): string {
  if (map === null) return '<p>There is no direct map in page tables to have large leaves.</p>';
  if (fragmentation.length === 0)
    return '<p>No block of the direct map is as large as a large leaf and mapped from end to end.</p>';
  return `<ul class="lost">${fragmentation.map(fragmentationItem).join('')}</ul>`;
}

function fragmentationItem(found: FragmentationSnapshot): string {
  const { size, blocks, lost, mergeable, firstMergeable, differing } = found;
  const name = `<strong>${escapeHtml(size)}</strong>`;
  if (lost === 0) return `<li>${name}: all ${countOf(blocks)} blocks are large leaves.</li>`;
  const reasons = differing.map(
    ({ what, blocks, first }) =>
      `<li>${differenceWords(what, blocks)}, the first at ${addressLink(first)}</li>`,
  );
  if (mergeable > 0) {
    const first = firstMergeable === null ? '' : `, the first at ${addressLink(firstMergeable)}`;
    reasons.unshift(`<li>${countOf(mergeable)} are alike and could be one leaf${first}</li>`);
  }
  return `<li>${name}: ${countOf(lost)} of ${countOf(blocks)} blocks are mapped by smaller leaves.<ul>${reasons.join('')}</ul></li>`;
}

function differenceWords(what: string, blocks: number): string {
  const one = blocks === 1;
  if (what === 'not present') return `${countOf(blocks)} ${one ? 'has' : 'have'} pages that are not present`;
  return `${countOf(blocks)} ${one ? 'differs' : 'differ'} in <code>${escapeHtml(what)}</code>`;
}

function addressLink(address: string): string {
  return `<a href="#${escapeHtml(address)}">${escapeHtml(address)}</a>`;
}
