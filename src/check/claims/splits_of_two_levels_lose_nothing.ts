import type { Claim } from '../claim.ts';
import { editIsLost, OUT_AND_BACK } from './shared/out_and_back.ts';

export const claim: Claim = {
  id: 'splits-of-two-levels-lose-nothing',
  sentence:
    'CPUs that take pages of one 1G leaf out of the direct map at a time, and back, split it and what comes of it, and nobody loses a page: whoever was not first sees a leaf that is not the one it meant to split.',
  source: {
    who: 'this project',
    when: '2026',
    where: '__split_large_page() of set_memory.c: the entry is looked up again under pgd_lock and compared',
  },
  catalogue: ['S1', 'S22'],
  world: () => ({
    leaf: '1G',
    cpus: 2,
    interleaved: true,
    memoryIsPlenty: true,
    calls: [OUT_AND_BACK],
  }),
  after: editIsLost,
  sometimes: [
    {
      text: 'a CPU splits both leaves',
      seen: (_, done) => done?.returned[0] === 0 && done.allocations === 2,
    },
    {
      text: 'a CPU splits the smaller one only, as another has split the larger',
      seen: (_, done) => done?.returned[0] === 0 && done.allocations === 1,
    },
    {
      text: 'a CPU asks for no table, as another has split both',
      seen: (_, done) => done?.returned[0] === 0 && done.allocations === 0,
    },
  ],
};
