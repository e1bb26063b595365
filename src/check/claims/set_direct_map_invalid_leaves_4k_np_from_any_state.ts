import type { Claim } from '../claim.ts';
import { endsWell, isOnly, itsPages, PERMISSIONS, PRESENCE } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'set-direct-map-invalid-leaves-4k-np-from-any-state',
  sentence:
    '"set_direct_map_invalid_noflush() should result in 4k NP pages", whatever other editors did before.',
  source: { who: 'Rick Edgecombe', when: '26 Oct 2020', where: 'review of the series, v1' },
  catalogue: ['K3', 'K4'],
  world: () => ({ leaf: '2M', geometry: 1, calls: [...PRESENCE, ...PERMISSIONS] }),
  after(done, { pages }) {
    if (!isOnly(done, 'set_direct_map_invalid_noflush') || done.returned[0] !== 0) return undefined;
    const [page] = itsPages(done.action, pages);
    if (page!.present)
      return { text: `${done.action.text} returned 0, and the page is present`, failure: 'F6' };
    return page!.level === 1
      ? undefined
      : {
          text: `${done.action.text} had nothing to change, and the page is still in a large leaf`,
          failure: 'F6',
        };
  },
  sometimes: [endsWell('set_direct_map_invalid_noflush')],
};
