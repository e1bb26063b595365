/** What was found of a real machine, as text that fits in a mail. */

import { oneLine } from '../errors.ts';
import type { LeafAttributes, LeafCount, RegionSurvey } from '../inspect/index.ts';
import type { Inspection } from '../inspect/inspection.ts';
import { sizeName } from '../mmu/describe.ts';
import { hexAddress } from '../mmu/format.ts';
import { findingsText } from './findings_text.ts';
import { counted, grouped, wrap } from './wrap.ts';

const LABEL = 16;
const INDENT = ' '.repeat(LABEL);
/** Kinds of leaves that a size lists: garbage in place of tables has as many as it has entries. */
const MAX_KINDS = 32;

export function inspectText(inspection: Inspection): string {
  const { survey, space } = inspection;
  const others = survey.regions.filter((region) => region !== survey.directMap && isMapped(region));
  const lines = [
    ...head(inspection),
    '',
    ...directMapText(inspection),
    ...others.flatMap((region) => regionText(region, space.pageBytes)),
    '',
    ...findingsText(survey.findings, survey.notChecked, space.pageBytes),
    ...missingText(inspection),
    ...inspection.doubts.flatMap((doubt) => wrap(doubt, 'not sure'.padEnd(LABEL), INDENT)),
  ];
  return `${lines.join('\n')}\n`;
}

/** "1.5 GiB", "16 KiB": in the largest unit that leaves at least 1, with a digit behind the point where that is inexact. */
export function binarySize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  const unit = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const size = bytes / 1024 ** unit;
  return `${Number.isInteger(size) ? grouped(size) : size.toFixed(1)} ${units[unit]}`;
}

function head({
  format,
  release,
  kind,
  source,
  leftOut,
  root,
  rootFrom,
  tables,
  found,
}: Inspection): string[] {
  const total = tables.reduce((sum, { bytes }) => sum + bytes, 0);
  const byLevel = tables
    .filter((each) => each.tables > 0)
    .map((each) => `${each.levelName} ${grouped(each.tables)}`);
  return [
    ...wrap(`${format}, ${release === undefined ? 'release not known' : `Linux ${release}`}`),
    ...wrap(`${kind} ${oneLine(source)}${leftOut === undefined ? '' : `, without ${leftOut}`}`, '  '),
    ...(root === undefined
      ? []
      : wrap([`top table 0x${root.toString(16)} from ${rootFrom}`, ...found].join('; '), '  ')),
    ...(byLevel.length === 0
      ? []
      : wrap(`page tables: ${byLevel.reverse().join(', ')}; ${binarySize(total)}`, '  ')),
  ];
}

function directMapText(inspection: Inspection): string[] {
  const { survey, space, windows, counters } = inspection;
  const { directMap } = survey;
  if (windows !== undefined) return wrap(windows, 'direct map'.padEnd(LABEL), INDENT);
  if (directMap === undefined || space.directMap === undefined) {
    return wrap('none found', 'direct map'.padEnd(LABEL), INDENT);
  }
  const { start, end } = space.directMap;
  return [
    `${'direct map'.padEnd(LABEL)}${mappedSize(directMap, space.pageBytes)} at ${hexAddress(start)} to ${hexAddress(end)}`,
    ...sizesText(directMap, space.pageBytes, originsText(inspection)),
    ...survey.fragmentation.flatMap(fragmentationText),
    ...(counters === undefined ? [] : countersText(inspection, directMap)),
  ];
}

/** One line a leaf size, with how many there are of each access; `ofAbsent` goes below those that are not present. */
function sizesText(region: RegionSurvey, pageBytes: number, ofAbsent: readonly string[] = []): string[] {
  const lines: string[] = [];
  const present = region.leaves.filter(({ leaf }) => leaf.present);
  for (const bytes of new Set(present.map(({ leaf }) => leaf.bytes))) {
    const leaves = present.filter(({ leaf }) => leaf.bytes === bytes);
    lines.push(...leavesText(sizeName(bytes), leaves, ({ access }) => access, pageBytes));
  }
  const absent = region.leaves.filter(({ leaf }) => !leaf.present);
  if (absent.length > 0) {
    lines.push(
      ...leavesText('not present', absent, ({ bytes, names }) => `${sizeName(bytes)} ${names}`, pageBytes),
    );
  }
  lines.push(...ofAbsent);
  const rest = [
    ['holes', region.holePages],
    ['bad', region.badPages],
    ['not seen', region.missingPages],
  ] as const;
  for (const [name, pages] of rest) {
    if (pages > 0)
      lines.push(`${`  ${name}`.padEnd(LABEL)}${' '.repeat(10)}  ${binarySize(pages * pageBytes)}`);
  }
  if (region.sharedEntries > 0) {
    const what = `${binarySize(region.sharedPages * pageBytes)} by ${counted(region.sharedEntries, 'entry', 'entries')} that name tables counted already`;
    lines.push(...wrap(what, `${'  shared'.padEnd(LABEL)}${' '.repeat(10)}  `, INDENT));
  }
  return lines;
}

function leavesText(
  name: string,
  leaves: readonly LeafCount[],
  describe: (leaf: LeafAttributes) => string,
  pageBytes: number,
): string[] {
  const count = leaves.reduce((sum, each) => sum + each.count, 0);
  const bytes = leaves.reduce((sum, each) => sum + each.pages, 0) * pageBytes;
  const by = new Map<string, number>();
  for (const each of leaves) by.set(describe(each.leaf), (by.get(describe(each.leaf)) ?? 0) + each.count);
  const kinds = [...by]
    .slice(0, MAX_KINDS)
    .map(([what, number]) => (by.size === 1 ? what : `${what} ${grouped(number)}`));
  if (by.size > MAX_KINDS) kinds.push(`and ${grouped(by.size - MAX_KINDS)} kinds more`);
  const start = `${`  ${name}`.padEnd(LABEL)}${grouped(count).padStart(10)}  ${binarySize(bytes).padEnd(10)}  `;
  return wrap(kinds.join(', '), start, ' '.repeat(start.length));
}

/** Who leaves pages that are not present, once for all that leave the same bits. */
function originsText({ origins }: Inspection): string[] {
  const lines: string[] = [];
  for (const [{ names }, by] of origins) {
    const who = [...new Set(by.map((each) => each.who))].join('; ');
    if (who !== '') lines.push(...wrap(`${names}: left by ${who}`, INDENT));
  }
  return lines;
}

/** A dump that was filtered may lack tables: then what they map is not known. */
function missingText({ missing, space }: Inspection): string[] {
  if (missing === undefined) return [];
  const { pages, directMapPages, directMapSeen } = missing;
  const size = (count: number) => binarySize(count * space.pageBytes);
  const parts = [`${size(pages)} of address space, whose tables are not in the source`];
  if (directMapSeen > 0 && directMapPages === pages) {
    // Rounded down, so that 100 % is all of it.
    const share = Math.floor((1000 * directMapSeen) / (directMapSeen + directMapPages)) / 10;
    parts.push(`of the direct map ${share.toFixed(1)} % was seen`);
  } else if (directMapSeen > 0) parts.push('how far the direct map reaches is not known');
  return wrap(parts.join('; '), 'not seen'.padEnd(LABEL), INDENT);
}

function mappedSize({ leaves }: RegionSurvey, pageBytes: number): string {
  return binarySize(leaves.reduce((sum, { pages }) => sum + pages, 0) * pageBytes);
}

function fragmentationText({
  bytes,
  blocks,
  lost,
  mergeable,
  firstMergeable,
  differing,
}: Inspection['survey']['fragmentation'][number]): string[] {
  const what = `${sizeName(bytes)} blocks`;
  if (lost === 0) return [];
  const parts = [`${grouped(lost)} of ${grouped(blocks)} are mapped by smaller leaves`];
  if (mergeable > 0 && firstMergeable !== undefined) {
    parts.push(
      `${grouped(mergeable)} are alike and could be one leaf (the first at ${hexAddress(firstMergeable)})`,
    );
  }
  for (const { what: names, blocks: number, first } of differing) {
    parts.push(
      names === 'not present'
        ? `${grouped(number)} ${number === 1 ? 'has' : 'have'} pages that are not present (${hexAddress(first)})`
        : `${grouped(number)} ${number === 1 ? 'differs' : 'differ'} in ${names} (${hexAddress(first)})`,
    );
  }
  return wrap(parts.join('; '), `  ${what}`.padEnd(LABEL), INDENT);
}

function countersText({ counters, space }: Inspection, directMap: RegionSurvey): string[] {
  const theirs = Object.entries(counters?.bytes ?? {}).map(([size, bytes]) => [Number(size), bytes] as const);
  const ours = (size: number) =>
    directMap.leaves.reduce(
      (sum, { leaf, pages }) => sum + (leaf.bytes === size ? pages * space.pageBytes : 0),
      0,
    );
  const agree = theirs.every(([size, bytes]) => ours(size) === bytes);
  const parts = theirs.map(([size, bytes]) => {
    const drift = ours(size) === bytes ? '' : ` (tables: ${grouped(ours(size) / size)})`;
    return `${sizeName(size)} ${grouped(bytes / size)}${drift}`;
  });
  const verdict = agree ? 'as the tables have it' : 'which differs: see docs/counters.md';
  return wrap(`${counters?.from} says ${parts.join(', ')}, ${verdict}`, '  counters'.padEnd(LABEL), INDENT);
}

/** Regions other than the direct map: where they are, and their leaves. */
function regionText(region: RegionSurvey, pageBytes: number): string[] {
  return [
    `${`${region.name} `.padEnd(LABEL)}${mappedSize(region, pageBytes)} at ${hexAddress(region.start)}`,
    ...sizesText({ ...region, holePages: 0 }, pageBytes),
  ];
}

function isMapped({ leaves, badPages, missingPages, sharedPages }: RegionSurvey): boolean {
  return leaves.length > 0 || badPages + missingPages + sharedPages > 0;
}
