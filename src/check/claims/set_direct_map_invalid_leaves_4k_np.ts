import type { Claim } from '../claim.ts';
import { DIRECT_MAP_BY_PAGE, HIBERNATION_COPIES, isOnly, itsPages, onPage } from './shared/worlds.ts';

const NAME = 'set_direct_map_invalid_noflush';

export const claim: Claim = {
  id: 'set-direct-map-invalid-leaves-4k-np',
  sentence: '"set_direct_map_invalid_noflush() should result in 4k NP pages"',
  source: { who: 'Rick Edgecombe', when: '26 Oct 2020', where: 'review of the series, v1' },
  catalogue: ['K3', 'K2', 'S1', 'S5'],
  world: () => ({
    leaf: '1G',
    calls: [...DIRECT_MAP_BY_PAGE, onPage('set_mce_nospec'), HIBERNATION_COPIES],
  }),
  after(done, { pages }) {
    if (!isOnly(done, NAME) || done.returned[0] !== 0) return undefined;
    const [page] = itsPages(done.action, pages);
    return page!.level === 1 && !page!.present
      ? undefined
      : {
          text: `${done.action.text} returned 0, and the page is not a 4K page that is not present`,
          failure: 'F6',
        };
  },
  sometimes: [
    {
      text: 'a 1G leaf and one of its 2M leaves are split for it',
      seen: (_, done) => isOnly(done, NAME) && done?.allocations === 2 && done.returned[0] === 0,
    },
    {
      text: 'the second of two splits is refused',
      seen: ({ pages }, done) =>
        done?.refused === 1 && done.allocations === 2 && pages.every(({ level }) => level === 2),
    },
    {
      text: 'it meets a page that is not present already',
      seen: (_, done) => isOnly(done, NAME) && done?.before[done.action.first]?.present === false,
    },
  ],
};
