import type { Claim } from '../claim.ts';
import { accessible, TWO_CPUS_ACCESS } from './shared/stale.ts';
import { onRange } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'set-memory-ro-leaves-no-stale-write',
  sentence: 'When set_memory_ro() or set_memory_rox() has returned 0, no CPU can write its pages any more.',
  source: { who: 'this project', when: '2026', where: 'cpa_flush() of arch/x86/mm/pat/set_memory.c' },
  catalogue: ['P2'],
  world: () => ({
    leaf: '2M',
    geometry: 1,
    ...TWO_CPUS_ACCESS([onRange('set_memory_ro'), onRange('set_memory_rox'), onRange('set_memory_rw')]),
  }),
  after: accessible(['set_memory_ro', 'set_memory_rox'], true),
  sometimes: [
    {
      text: 'a leaf that had been written becomes read-only as a whole',
      seen: ({ pages }, done) =>
        done !== undefined && done.before[0]!.writable && !pages[0]!.writable && pages[0]!.level > 1,
    },
    {
      text: 'a leaf that had been written is split',
      seen: ({ pages }, done) =>
        done !== undefined && done.before[0]!.level > 1 && !pages[0]!.writable && pages[0]!.level === 1,
    },
  ],
};
