/** The crumbs as buttons, and how much a row of the view is. */

import { type Crumb, crumbsOf } from './crumbs.ts';
import type { DirectMap } from './direct_map.ts';
import { button, element, setText } from './dom.ts';
import type { Viewport } from './viewport.ts';
import { sizeOf } from './words.ts';

export class CrumbButtons {
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
