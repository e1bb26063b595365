import type { Claim } from '../claim.ts';
import { accessible, TWO_CPUS_ACCESS } from './shared/stale.ts';
import { onRange } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'set-memory-np-leaves-no-stale-translation',
  sentence: 'When set_memory_np() has returned 0, no CPU can read its pages any more.',
  source: { who: 'this project', when: '2026', where: 'cpa_flush() of arch/x86/mm/pat/set_memory.c' },
  catalogue: ['P2'],
  world: () => ({
    leaf: '2M',
    geometry: 1,
    ...TWO_CPUS_ACCESS([onRange('set_memory_np'), onRange('set_memory_p')]),
  }),
  after: accessible(['set_memory_np'], false),
  sometimes: [
    {
      text: 'the other CPU has read a page that then is not present',
      about: 'set_memory_np',
      seen: ({ pages }, done) =>
        done?.action.calls[0]?.name === 'set_memory_np' && done.before[0]!.present && !pages[0]!.present,
    },
    {
      text: 'a leaf is not present as a whole',
      seen: ({ pages }) => pages[0]!.level > 1 && !pages[0]!.present,
    },
  ],
};
