/** All ranges of an address space, in pieces that are small, whatever its size. */

import type { AddressSpace, Region, Stretch } from '../inspect/index.ts';
import { hexAddress } from '../mmu/format.ts';
import { stretchText } from './explain_text.ts';
import { stretchJson } from './inspect_json.ts';

export const RANGE_FORMATS = ['text', 'json', 'csv'] as const;
export type RangeFormat = (typeof RANGE_FORMATS)[number];

const COLUMNS = [
  'region',
  'kind',
  'address',
  'end',
  'pages',
  'count',
  'size',
  'pfn',
  'access',
  'bits',
  'names',
  'why',
];

/** JSON is one object a line. Holes are left out: what no range has is one. */
export function* rangesText(space: AddressSpace, format: RangeFormat): Generator<string> {
  if (format === 'csv') yield `${COLUMNS.join(',')}\n`;
  for (const region of space.regions) {
    let isFirst = true;
    for (const stretch of space.stretches(region)) {
      if (stretch.kind === 'hole') continue;
      if (isFirst && format === 'text') yield `---[ ${region.name} at ${hexAddress(region.start)} ]---\n`;
      isFirst = false;
      yield `${lineOf(stretch, region, space, format)}\n`;
    }
  }
}

function lineOf(stretch: Stretch, region: Region, space: AddressSpace, format: RangeFormat): string {
  if (format === 'text') return stretchText(stretch, space);
  const fields: Record<string, unknown> = { region: region.name, ...stretchJson(stretch, space) };
  if (format === 'json') return JSON.stringify(fields);
  return COLUMNS.map((column) => csvField(fields[column])).join(',');
}

function csvField(value: unknown): string {
  const text = value === null || value === undefined ? '' : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
