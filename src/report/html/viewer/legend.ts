/** The colours of the map, with how much has each. A click leaves only that one; more clicks add others. */

import type { DirectMap } from './direct_map.ts';
import { button, element } from './dom.ts';
import { labelOf, STATES, type State } from './states.ts';
import { aboutSize } from './words.ts';

export class Legend {
  readonly element: HTMLElement;
  readonly #present: readonly State[];
  readonly #buttons: ReadonlyMap<State, HTMLButtonElement>;
  readonly #chosen = new Set<State>();
  readonly #onChange: () => void;

  constructor(map: DirectMap, onChange: () => void) {
    this.#onChange = onChange;
    const totals = map.totals();
    this.#present = STATES.filter((state) => totals.has(state));
    this.#buttons = new Map(
      this.#present.map((state) => {
        const { pages, leaves } = totals.get(state)!;
        const made = button('', () => this.#toggle(state), { class: 'state', 'aria-pressed': 'false' });
        made.append(
          element('span', { class: `swatch s-${state}`, 'aria-hidden': 'true' }),
          element('span', {}, labelOf(state, leaves)),
          ' ',
          element('span', { class: 'size' }, aboutSize(pages * map.pageBytes)),
        );
        return [state, made];
      }),
    );
    this.element = element('div', { class: 'legend', role: 'group', 'aria-label': 'Show only' });
    this.element.append(...this.#buttons.values());
  }

  /** The states that are to be seen: all, if none is chosen. */
  get shown(): ReadonlySet<State> {
    return this.#chosen.size === 0 ? new Set(this.#present) : this.#chosen;
  }

  #toggle(state: State): void {
    if (!this.#chosen.delete(state)) this.#chosen.add(state);
    for (const [each, made] of this.#buttons) {
      made.setAttribute('aria-pressed', String(this.#chosen.has(each)));
    }
    this.#onChange();
  }
}
