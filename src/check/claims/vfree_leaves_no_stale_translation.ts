import type { Claim } from '../claim.ts';
import { readsAfterVfree, SEEN_TO_READ_BEFORE_VFREE, TWO_CPUS_USE_AN_AREA } from './shared/stale.ts';

export const claim: Claim = {
  id: 'vfree-leaves-no-stale-translation',
  sentence:
    'When vfree() has given back an area with VM_FLUSH_RESET_PERMS, no CPU can read through its address any more.',
  source: {
    who: 'this project',
    when: '2026',
    where: 'vm_reset_perms() of mm/vmalloc.c flushes the area and its alias before the pages are free',
  },
  catalogue: ['P8', 'S49'],
  world: () => TWO_CPUS_USE_AN_AREA('vmalloc_reset_perms'),
  listens: true,
  after: readsAfterVfree,
  sometimes: SEEN_TO_READ_BEFORE_VFREE,
};
