import type { Claim, PageState } from '../claim.ts';
import { DIRECT_MAP_BY_PAGE, endsWell, isRefused, onRange } from './shared/worlds.ts';

const isLargeAndNotPresent = ({ level, present }: PageState) => level > 1 && !present;

export const claim: Claim = {
  id: 'no-large-np-leaf',
  sentence:
    '"A new caller to set_memory_np() could result in large NP pages. None of the callers today should cause this."',
  source: { who: 'Rick Edgecombe', when: '26 Oct 2020', where: 'review of the series, v1 1/4' },
  catalogue: ['C5', 'K4'],
  world: () => ({
    leaf: '2M',
    calls: [...DIRECT_MAP_BY_PAGE, onRange('set_memory_np'), onRange('set_memory_p')],
  }),
  always({ pages }) {
    return pages.some(isLargeAndNotPresent)
      ? {
          text: 'a large leaf is not present, so that mapping one page of it again needs memory',
          failure: 'F1',
        }
      : undefined;
  },
  sometimes: [endsWell('set_memory_np'), isRefused('set_memory_np')],
};
