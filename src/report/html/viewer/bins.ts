/** What each pixel of a row of the map shows. */

import type { DirectMap } from './direct_map.ts';
import type { Mark } from './marks.ts';
import { FIRST_RARE, STATES } from './states.ts';

/** A pixel shows a state, by its place in STATES plus 1, or 0: nothing, as it is off the map. */
export const HOLE = STATES.indexOf('hole') + 1;

/** How many pixels wide the rare states are at least. */
export const MIN_RARE = 2;

/** Puts the part of a map into so many pixels as `bins` has. Of several states in one, it is the last of STATES. */
export function fillBins(bins: Uint8Array, map: DirectMap, part: Mark): void {
  const width = bins.length;
  const scale = width / (part.end - part.start);
  const inRow = (place: number) => Math.max(0, Math.round((place - part.start) * scale));
  bins.fill(0);
  bins.fill(HOLE, inRow(map.window.start), inRow(map.window.end));
  if (part.end <= map.start || part.start >= map.end) return;
  const { starts, states } = map;
  for (let number = map.numberAt(part.start); number < starts.length; number++) {
    const from = starts[number]!;
    if (from >= part.end) break;
    const value = states[number]! + 1;
    const first = Math.max(0, Math.floor((from - part.start) * scale));
    const least = value > FIRST_RARE ? first + MIN_RARE : first + 1;
    const end = Math.min(width, Math.max(least, Math.round((map.endOf(number) - part.start) * scale)));
    for (let bin = first; bin < end; bin++) if (bins[bin]! < value) bins[bin] = value;
  }
}
