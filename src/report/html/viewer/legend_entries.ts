/** What the legend says of a map. */

import type { DirectMap } from './direct_map.ts';
import { labelOf, STATES, type State } from './states.ts';
import { aboutSize } from './words.ts';

export interface LegendEntry {
  readonly state: State;
  readonly label: string;
  readonly size: string;
}

/** The states that are there, in the order of STATES. */
export function legendOf(map: DirectMap): LegendEntry[] {
  const totals = map.totals();
  return STATES.flatMap((state) => {
    const total = totals.get(state);
    if (total === undefined) return [];
    return [{ state, label: labelOf(state, total.leaves), size: aboutSize(total.pages * map.pageBytes) }];
  });
}
