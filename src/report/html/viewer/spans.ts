/** Where marks are in a row of the map, in pixels. */

import { firstBehind, type Mark } from './marks.ts';

export interface Span {
  readonly x: number;
  readonly width: number;
}

/**
 * Of marks that are disjoint and in ascending order those in a row, which is so many pixels wide. Each is at least `least`
 * wide, and those that would lie over one another are one: there are never more than there are pixels.
 */
export function spansIn(marks: readonly Mark[], row: Mark, width: number, least: number): Span[] {
  const scale = width / (row.end - row.start);
  const spans: { x: number; width: number }[] = [];
  for (let number = firstBehind(marks, row.start); number < marks.length; number++) {
    const { start, end } = marks[number]!;
    if (start >= row.end) break;
    const from = Math.max(0, (start - row.start) * scale);
    const to = Math.min(width, (end - row.start) * scale);
    const wide = Math.max(least, to - from);
    const x = Math.max(0, Math.min(width - wide, (from + to - wide) / 2));
    const last = spans.at(-1);
    if (last !== undefined && x < last.x + last.width) last.width = Math.max(last.width, x + wide - last.x);
    else spans.push({ x, width: wide });
  }
  return spans;
}
