import type { Claim } from '../claim.ts';

const OUT_AND_BACK = [
  'set_direct_map_invalid_noflush',
  'copy_from_kernel_nofault',
  'set_direct_map_default_noflush',
  'copy_from_kernel_nofault',
];

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
    calls: [{ calls: OUT_AND_BACK.map((name) => ({ name })), on: 'page', exclusive: true }],
  }),
  after({ action, died, returned: [out, readOut, back, readBack] }) {
    if (died !== undefined) return { text: died.text, failure: 'F9' };
    const wrong = (out === 0 && readOut === 0) || (back === 0 && readBack !== 0);
    return wrong
      ? { text: `an edit of ${action.text} is lost, and it returned 0`, failure: 'F9' }
      : undefined;
  },
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
