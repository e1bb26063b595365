/** What the markers of a text say of the parts of the address space. */

import type { RegionName } from '../address_space.ts';
import type { Marker } from './lines.ts';

/** From this line up to the next section's, all is of one part. */
export interface Section {
  readonly name: RegionName;
  readonly line: number;
}

/** Areas by the names that some architecture's markers have for them, in lower case, without "area", "start" and "end". */
const AREAS: readonly (readonly [RegExp, RegionName])[] = [
  [/^kmsan/, 'other'],
  [/^kasan/, 'KASAN shadow'],
  [/^(?:low kernel|linear|identity) mapping$|^start of kernel vm$/, 'direct map'],
  [/^vmalloc/, 'vmalloc'],
  [/^vmemmap/, 'vmemmap'],
  [/^kernel image$|^(?:high )?kernel mapping$/, 'kernel image'],
  [/^modules/, 'modules'],
  [/^fixmap/, 'fixmap'],
  [/^espfix/, 'espfix'],
  [/^u?efi/, 'EFI'],
  [/i\/o/, 'I/O'],
];

interface OpenArea {
  readonly base: string;
  readonly name: RegionName;
  /** Whether its marker says "start", so that one with "end" is to come. */
  readonly untilEnd: boolean;
}

/**
 * The sections that markers make, from line 0. Areas may lie within others that have a start and an end (s390x), and then
 * belong to these unless they have a name of their own here. What is outside of all is "other".
 */
export function sectionsOf(markers: readonly Marker[], first: RegionName): Section[] {
  const sections: Section[] = [{ name: first, line: 0 }];
  const open: OpenArea[] = [];
  for (const { name, line } of markers) {
    const { base, edge } = partsOf(name);
    if (edge === 'end') close(open, base);
    else {
      if (open.at(-1)?.untilEnd === false) open.pop();
      if (edge === 'at') open.length = 0;
      open.push({ base, name: areaOf(base), untilEnd: edge === 'start' });
    }
    const innermost = open.findLast((area) => area.name !== 'other');
    if (sections.at(-1)!.line === line) sections.pop();
    sections.push({ name: innermost?.name ?? 'other', line });
  }
  return sections;
}

function partsOf(marker: string): { base: string; edge: 'start' | 'end' | 'at' } {
  const found = /^(end )?(.*?)(?: area)?(?: (start|end))?$/.exec(marker.toLowerCase())!;
  const edge = found[1] !== undefined || found[3] === 'end' ? 'end' : found[3] === 'start' ? 'start' : 'at';
  return { base: found[2]!, edge };
}

function areaOf(base: string): RegionName {
  return AREAS.find(([pattern]) => pattern.test(base))?.[1] ?? 'other';
}

/** The end of an area that was not begun closes nothing. */
function close(open: OpenArea[], base: string): void {
  const place = open.findLastIndex((area) => area.base === base);
  if (place >= 0) open.splice(place, 1);
}
