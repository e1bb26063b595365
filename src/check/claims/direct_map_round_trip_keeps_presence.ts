import type { Claim, PageState } from '../claim.ts';
import { DIRECT_MAP_BY_PAGE, DIRECT_MAP_ROUND_TRIP, itsPages } from './shared/worlds.ts';

const isUsable = ({ present, writable }: PageState) => present && writable;

export const claim: Claim = {
  id: 'direct-map-round-trip-keeps-presence',
  sentence:
    'set_direct_map_invalid_noflush() and then set_direct_map_default_noflush() by its owner leave a page as present and writable as it was, and its neighbours alone.',
  source: { who: 'this project', when: '2026', where: 'property P4, on which vmalloc and secretmem rely' },
  catalogue: ['P4', 'P6', 'S1', 'S9', 'S10'],
  world: () => ({
    leaf: '1G',
    calls: [...DIRECT_MAP_BY_PAGE, DIRECT_MAP_ROUND_TRIP],
  }),
  after(done, { pages }) {
    const { action, before } = done;
    const changed = pages.findIndex(
      (page, i) => i !== action.first && isUsable(page) !== isUsable(before[i]!),
    );
    if (changed >= 0) return { text: `${action.text} changed a neighbour`, failure: 'F6' };
    if (action.calls.length < 2 || !itsPages(action, before).every(isUsable)) return undefined;
    return itsPages(action, pages).every(isUsable)
      ? undefined
      : { text: `after ${action.text} the page is not present and writable`, failure: 'F1' };
  },
  sometimes: [
    {
      text: 'out and back, by two splits',
      seen: (_, done) => done?.action.calls.length === 2 && done.allocations === 2 && done.refused === 0,
    },
    {
      text: 'not out, for want of memory, and back',
      seen: (_, done) => done?.action.calls.length === 2 && done.refused > 0 && done.returned[1] === 0,
    },
  ],
};
