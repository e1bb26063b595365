import type { Claim } from '../claim.ts';
import { editIsLost, OUT_AND_BACK } from './shared/out_and_back.ts';

export const claim: Claim = {
  id: 'two-splits-make-one-table',
  sentence:
    'CPUs that take pages of one large leaf out of the direct map at a time, and back, split it once: whoever comes second gives its page table back, and nobody loses a page.',
  source: {
    who: 'this project',
    when: '2026',
    where: '__split_large_page() of set_memory.c: the check under pgd_lock for somebody who was faster',
  },
  catalogue: ['S1', 'S22'],
  world: () => ({
    leaf: '2M',
    cpus: 3,
    interleaved: true,
    pagesAlike: true,
    calls: [OUT_AND_BACK],
  }),
  after: editIsLost,
  sometimes: [
    {
      text: 'a page is out, and then back',
      seen: (_, done) => done?.returned[1] !== 0 && done?.returned[3] === 0,
    },
    { text: 'a split is refused its page table', seen: (_, done) => (done?.refused ?? 0) > 0 },
    {
      text: 'a CPU asks for no table, as another has split the leaf',
      seen: (_, done) => done?.returned[0] === 0 && done.allocations === 0,
    },
  ],
};
