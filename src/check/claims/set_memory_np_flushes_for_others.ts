import type { Claim } from '../claim.ts';
import { accessible, TWO_CPUS_ACCESS } from './shared/stale.ts';
import { DIRECT_MAP_BY_PAGE, endsWell, onPage } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'set-memory-np-flushes-for-others',
  sentence:
    'When set_memory_np() has returned 0, no CPU can read its pages any more, also where somebody has made them not present before and left the flush for later.',
  source: {
    who: 'this project',
    when: '2026',
    where:
      'change_page_attr_set_clr(): without CPA_FLUSHTLB, which only a changed entry sets, nothing is flushed',
  },
  catalogue: ['P2'],
  world: () => ({
    leaf: '2M',
    ...TWO_CPUS_ACCESS([...DIRECT_MAP_BY_PAGE, onPage('set_memory_np')]),
  }),
  after: accessible(['set_memory_np'], false),
  sometimes: [endsWell('touch'), endsWell('set_memory_np')],
};
