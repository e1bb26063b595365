/** The way from all of the window to the smallest block in view: each crumb is a way back. */

import type { DirectMap } from './direct_map.ts';
import { button, element, setText } from './dom.ts';
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

export class Crumbs {
  readonly element = element('div', { class: 'crumbs', role: 'group', 'aria-label': 'Zoom to' });
  readonly #buttons: HTMLButtonElement[] = [];
  readonly #scale = element('span', { class: 'scale' });
  readonly #onChoose: (crumb: Crumb) => void;
  #crumbs: readonly Crumb[] = [];

  constructor(onChoose: (crumb: Crumb) => void) {
    this.#onChoose = onChoose;
  }

  /** Touches the page only where something is another, so that who is at a crumb stays there. */
  show(map: DirectMap, view: Viewport, place: number): void {
    const crumbs = crumbsOf(map, view, place);
    const all = crumbs.findLastIndex(({ start, end }) => view.rowPages <= view.rowPagesToFit(start, end));
    const current = Math.max(0, all);
    if (crumbs.length !== this.#crumbs.length) this.#place(crumbs.length);
    this.#crumbs = crumbs;
    for (const [number, { label }] of crumbs.entries()) {
      const made = this.#buttonAt(number);
      setText(made, label);
      if (made.hasAttribute('aria-current') === (number === current)) continue;
      if (number === current) made.setAttribute('aria-current', 'true');
      else made.removeAttribute('aria-current');
    }
    setText(this.#scale, `row ${sizeOf(view.rowPages * map.pageBytes)}`);
  }

  #place(number: number): void {
    const parts: Node[] = [];
    for (let place = 0; place < number; place++) {
      if (place > 0) parts.push(document.createTextNode(' › '));
      parts.push(this.#buttonAt(place));
    }
    this.element.replaceChildren(...parts, this.#scale);
  }

  #buttonAt(number: number): HTMLButtonElement {
    this.#buttons[number] ??= button('', () => {
      const crumb = this.#crumbs[number];
      if (crumb !== undefined) this.#onChoose(crumb);
    });
    return this.#buttons[number];
  }
}
