/** The colours of the map, with how much has each. A click leaves only that one; more clicks add others. */

import type { DirectMap } from './direct_map.ts';
import { button, element } from './dom.ts';
import { labelOf, STATES, type State } from './states.ts';
import { aboutSize } from './words.ts';

export class Legend {
  readonly element: HTMLElement;
  readonly #buttons: ReadonlyMap<State, HTMLButtonElement>;
  readonly #stale = element('span', { class: 'state', hidden: '' });
  readonly #chosen = new Set<State>();
  readonly #onChange: () => void;
  #present: readonly State[] = [];

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
    const chosen = this.#present.filter((state) => this.#chosen.has(state));
    return new Set(chosen.length === 0 ? this.#present : chosen);
  }

  /** What is chosen stays so, and who is at a button stays there. */
  update(map: DirectMap): void {
    const totals = map.totals();
    this.#present = STATES.filter((state) => totals.has(state));
    const made = this.#present.map((state) => {
      const { pages, leaves } = totals.get(state)!;
      const each = this.#buttons.get(state)!;
      each.replaceChildren(...entry(`s-${state}`, labelOf(state, leaves), aboutSize(pages * map.pageBytes)));
      return each;
    });
    const shown = [...made, this.#stale];
    if (
      shown.length !== this.element.children.length ||
      shown.some((each, i) => this.element.children[i] !== each)
    )
      this.element.replaceChildren(...shown);
  }

  /** Tells of translations that are stale in a TLB, if any are. */
  tellStale(bytes: number): void {
    this.#stale.hidden = bytes === 0;
    this.#stale.replaceChildren(...entry('s-stale', 'stale in a TLB', aboutSize(bytes)));
  }

  #toggle(state: State): void {
    if (!this.#chosen.delete(state)) this.#chosen.add(state);
    for (const [each, made] of this.#buttons) {
      made.setAttribute('aria-pressed', String(this.#chosen.has(each)));
    }
    this.#onChange();
  }
}

function entry(colour: string, label: string, size: string): (Node | string)[] {
  return [
    element('span', { class: `swatch ${colour}`, 'aria-hidden': 'true' }),
    element('span', {}, label),
    ' ',
    element('span', { class: 'size' }, size),
  ];
}
