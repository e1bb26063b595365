import type { Claim } from '../claim.ts';
import { SPLIT_AND_MERGE, splitAndMergeBeside } from './collapse_spares_ptdump.ts';
import { nothingMerges } from './shared/merge.ts';
import { dies, endsWell } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'collapse-spares-lockless-walkers',
  sentence: 'No page table is freed while kernel_page_present() looks into it.',
  source: {
    who: 'this project',
    when: '2026',
    where:
      'lookup_address() of set_memory.c walks without a lock, and set_memory_rox() frees tables since v6.15; with other CPUs running saveable_page() of hibernation asks so',
  },
  catalogue: ['P7'],
  notModelled: nothingMerges,
  world: () => ({ ...SPLIT_AND_MERGE, calls: splitAndMergeBeside('kernel_page_present') }),
  after: dies,
  sometimes: [endsWell('set_memory_rox')],
};
