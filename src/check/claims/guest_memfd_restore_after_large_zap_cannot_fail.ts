import { errnoText } from '../../linux/errno.ts';
import type { Claim } from '../claim.ts';
import { endsWell, isOnly, onLeaf, onPage } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'guest-memfd-restore-after-large-zap-cannot-fail',
  sentence:
    '"Direct map restoration cannot fail [...] this split would have already happened". If pages were taken out 2M at a time and come back 4K at a time, as Rick Edgecombe asked on 16 Jan 2026.',
  source: { who: 'cover letter of guest_memfd direct map removal, v9', when: 'Jan 2026', where: 'linux-mm' },
  catalogue: ['C7', 'K4'],
  world: ({ has }) => ({
    leaf: '2M',
    calls: [
      has['set-direct-map-valid'] ? onLeaf('set_direct_map_valid_noflush', 0) : onLeaf('set_memory_np'),
      onPage('set_direct_map_default_noflush'),
    ],
  }),
  after(done) {
    if (!isOnly(done, 'set_direct_map_default_noflush') || done.returned[0] === 0) return undefined;
    return { text: `${done.action.text} returned ${errnoText(done.returned[0] ?? 0)}`, failure: 'F1' };
  },
  sometimes: [endsWell('set_direct_map_default_noflush')],
};
