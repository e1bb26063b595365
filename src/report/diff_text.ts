/** What differs between two sources, as text. */

import type { Change, ChangeKind, Comparison, Side } from '../inspect/diff.ts';
import { CHANGE_KINDS } from '../inspect/diff.ts';
import { sizeName } from '../mmu/describe.ts';
import { hexAddress } from '../mmu/format.ts';
import { binarySize } from './inspect_text.ts';
import { counted, grouped, wrap } from './wrap.ts';

export interface ChangeCount {
  readonly kind: ChangeKind;
  places: number;
  pages: number;
}

export interface DiffTotals {
  readonly counts: readonly ChangeCount[];
  readonly places: number;
}

/** Counts all changes, and hands over each, one after the other. */
export async function countChanges(
  { changes }: Comparison,
  each: (change: Change) => Promise<void>,
): Promise<DiffTotals> {
  const counts = CHANGE_KINDS.map((kind): ChangeCount => ({ kind, places: 0, pages: 0 }));
  let places = 0;
  for (const change of changes()) {
    places++;
    for (const count of counts) {
      if (!change.kinds.includes(count.kind)) continue;
      count.places++;
      count.pages += change.pages;
    }
    await each(change);
  }
  return { counts: counts.filter((count) => count.places > 0), places };
}

export function changeText({ kinds, address, pages, before, after }: Change, pageBytes: number): string {
  const range =
    pages === 1
      ? hexAddress(address)
      : `${hexAddress(address)} to ${hexAddress(address + pages * pageBytes)}`;
  const lines = [
    `${range}  ${kinds.join(', ')}`,
    ...wrap(`${sideText(before)} -> ${sideText(after)}${frameText(before, after)}`, '    '),
  ];
  return `${lines.join('\n')}\n`;
}

export function totalsText(
  { counts, places }: DiffTotals,
  pageBytes: number,
  onlyDirectMap: string | undefined,
): string {
  const lines = counts.map(
    ({ kind, places: number, pages }) =>
      `  ${kind.padEnd(16)} ${grouped(pages).padStart(10)} pages  ${binarySize(pages * pageBytes).padEnd(9)} in ${counted(number, 'place')}`,
  );
  lines.unshift(places === 0 ? 'no difference' : `${counted(places, 'difference')}`);
  if (onlyDirectMap !== undefined)
    lines.push(...wrap(`not compared: all but the direct map; ${onlyDirectMap}`, '  '));
  return `${lines.join('\n')}\n`;
}

export function sideText({ kind, leaf }: Side): string {
  if (leaf === undefined) return kind === 'hole' ? 'nothing' : kind;
  return `${sizeName(leaf.bytes)} ${leaf.present ? `${leaf.access} (${leaf.names})` : `not present (${leaf.names})`}`;
}

function frameText(before: Side, after: Side): string {
  if (before.frame === undefined || after.frame === undefined || before.frame === after.frame) return '';
  return `, frame 0x${before.frame.toString(16)} -> 0x${after.frame.toString(16)}`;
}
