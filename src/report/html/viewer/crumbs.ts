/** The way from all of the window to the smallest block in view: each crumb is a way back. */

import type { DirectMap } from './direct_map.ts';
import type { Mark } from './marks.ts';
import type { Viewport } from './viewport.ts';
import { aboutSize, hexOf, sizeOf } from './words.ts';

/** A part of the map, and what it is called. */
export interface Crumb extends Mark {
  readonly label: string;
}

/** The parts that `place` is in, the largest first. */
export function crumbsOf(map: DirectMap, view: Viewport, place: number): Crumb[] {
  const { start, end, window, blockBytes, pageBytes } = map;
  const rowPages = (part: Mark) => view.rowPagesToFit(part.start, part.end);
  const size = (part: Mark) => aboutSize((part.end - part.start) * pageBytes);
  const mapped = { start, end, label: `all ${size({ start, end })}` };
  const whole = { ...window, label: `window ${size(window)}` };
  const blocks = [...blockBytes].reverse().map((bytes): Crumb => {
    const pages = bytes / pageBytes;
    const first = Math.max(window.start, Math.floor(place / pages) * pages);
    return { start: first, end: first + pages, label: `${sizeOf(bytes)} at ${hexOf(map.addressOf(first))}` };
  });
  const smaller = blocks.filter((block) => rowPages(block) < rowPages(mapped));
  return rowPages(whole) > rowPages(mapped) ? [whole, mapped, ...smaller] : [mapped, ...smaller];
}
