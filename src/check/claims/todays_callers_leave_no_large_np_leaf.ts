import type { Claim, PageState } from '../claim.ts';
import { DIRECT_MAP_BY_PAGE, HIBERNATION_COPIES, onPage } from './shared/worlds.ts';

const isLargeAndNotPresent = ({ level, present }: PageState) => level > 1 && !present;

export const claim: Claim = {
  id: 'todays-callers-leave-no-large-np-leaf',
  sentence:
    'Large NP pages: "None of the callers today should cause this". Today they take pages of the allocator out one by one: vmalloc, secretmem, memory failure, hibernation.',
  source: { who: 'Rick Edgecombe', when: '26 Oct 2020', where: 'review of the series, v1 1/4' },
  catalogue: ['C5', 'K4', 'K6', 'S13'],
  world: () => ({
    leaf: '2M',
    calls: [...DIRECT_MAP_BY_PAGE, onPage('set_mce_nospec', 1), HIBERNATION_COPIES],
  }),
  always({ pages }) {
    return pages.some(isLargeAndNotPresent)
      ? { text: 'a large leaf is not present', failure: 'F1' }
      : undefined;
  },
  sometimes: [
    {
      text: 'every page of a leaf is taken out, one by one',
      seen: ({ pages }) => pages.every(({ present }) => !present),
    },
    { text: 'a split is refused its page table', seen: (_, done) => (done?.refused ?? 0) > 0 },
  ],
};
