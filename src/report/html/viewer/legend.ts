/** The colours of the map, with how much has each. A click leaves only that one; more clicks add others. */

import type { DirectMap } from './direct_map.ts';
import { button, element } from './dom.ts';
import { type LegendEntry, legendOf } from './legend_entries.ts';
import { STATES, type State } from './states.ts';
import { aboutSize } from './words.ts';

export class Legend {
  readonly element: HTMLElement;
  readonly #buttons: ReadonlyMap<State, HTMLButtonElement>;
  readonly #stale = element('span', { class: 'state', hidden: '' });
  readonly #chosen = new Set<State>();
  readonly #onChange: () => void;
  #entries: readonly LegendEntry[] = [];

  constructor(map: DirectMap, onChange: () => void) {
    this.#onChange = onChange;
    this.#buttons = new Map(
      STATES.map((state) => [
        state,
        button('', () => this.#toggle(state), { class: 'state', 'aria-pressed': 'false' }),
      ]),
    );
    this.element = element('div', { class: 'legend', role: 'group', 'aria-label': 'Show only' });
    this.update(map);
  }

  /** The states that are to be seen: all, if none is chosen. */
  get shown(): ReadonlySet<State> {
    const present = this.#entries.map(({ state }) => state);
    const chosen = present.filter((state) => this.#chosen.has(state));
    return new Set(chosen.length === 0 ? present : chosen);
  }

  /** What is chosen stays so, and who is at a button stays there. */
  update(map: DirectMap): void {
    this.#entries = legendOf(map);
    const shown: HTMLElement[] = this.#entries.map(({ state, label, size }) => {
      const made = this.#buttons.get(state)!;
      fill(made, `s-${state}`, label, size);
      return made;
    });
    shown.push(this.#stale);
    const { children } = this.element;
    const isSame = shown.length === children.length && shown.every((each, i) => children[i] === each);
    if (!isSame) this.element.replaceChildren(...shown);
  }

  /** Tells of translations that are stale in a TLB, if any are. */
  tellStale(bytes: number): void {
    this.#stale.hidden = bytes === 0;
    if (bytes === 0) this.#stale.replaceChildren();
    else fill(this.#stale, 's-stale', 'stale in a TLB', aboutSize(bytes));
  }

  #toggle(state: State): void {
    if (!this.#chosen.delete(state)) this.#chosen.add(state);
    for (const [each, made] of this.#buttons) {
      made.setAttribute('aria-pressed', String(this.#chosen.has(each)));
    }
    this.#onChange();
  }
}

/** What an entry shows, unless it does so already. */
function fill(entry: HTMLElement, colour: string, label: string, size: string): void {
  if (entry.textContent === `${label} ${size}`) return;
  entry.replaceChildren(
    element('span', { class: `swatch ${colour}`, 'aria-hidden': 'true' }),
    element('span', {}, label),
    ' ',
    element('span', { class: 'size' }, size),
  );
}
