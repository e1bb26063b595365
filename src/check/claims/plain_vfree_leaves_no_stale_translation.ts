import type { Claim } from '../claim.ts';
import { readsAfterVfree, TWO_CPUS_USE_AN_AREA } from './shared/stale.ts';
import { endsWell } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'plain-vfree-leaves-no-stale-translation',
  sentence: 'When vfree() has given back an area, no CPU can read through its address any more.',
  source: {
    who: 'this project',
    when: '2026',
    where:
      'mm/vmalloc.c purges unmapped areas lazily, by intent; only debug_pagealloc=on and VM_FLUSH_RESET_PERMS flush at once',
  },
  catalogue: ['P8'],
  world: () => TWO_CPUS_USE_AN_AREA('vmalloc'),
  listens: true,
  after: readsAfterVfree,
  sometimes: [endsWell('vfree')],
};
