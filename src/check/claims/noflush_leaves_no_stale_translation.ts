import type { Claim } from '../claim.ts';
import { accessible, TWO_CPUS_ACCESS } from './shared/stale.ts';
import { DIRECT_MAP_BY_PAGE, endsWell } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'noflush-leaves-no-stale-translation',
  sentence: 'When set_direct_map_invalid_noflush() has returned 0, no CPU can read the page any more.',
  source: {
    who: 'this project',
    when: '2026',
    where: 'its name says otherwise: the caller flushes, as vfree(), secretmem and hibernation do',
  },
  catalogue: ['P2'],
  world: () => ({ leaf: '2M', geometry: 1, ...TWO_CPUS_ACCESS(DIRECT_MAP_BY_PAGE) }),
  after: accessible(['set_direct_map_invalid_noflush'], false),
  sometimes: [endsWell('touch'), endsWell('set_direct_map_invalid_noflush')],
};
