import type { Claim } from '../claim.ts';
import { changedBeside, onLeaf, onPage, onRange, pageName } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'split-keeps-the-others',
  sentence:
    'Whatever a call does to some pages of a leaf, the leaf split for it or not, every other page keeps its frame and rights.',
  source: { who: 'this project', when: '2026', where: 'property P6; refuted for s390 (S34), asked of x86' },
  catalogue: ['P6', 'S34'],
  world: () => ({
    leaf: '1G',
    calls: [
      onPage('set_direct_map_invalid_noflush'),
      onRange('set_memory_np'),
      onPage('set_memory_p'),
      onRange('set_memory_ro'),
      onLeaf('set_direct_map_valid_noflush', 0),
      onPage('set_direct_map_default_noflush'),
    ],
  }),
  after({ action, before }, { pages }) {
    const page = changedBeside(action, before, pages);
    return page < 0
      ? undefined
      : { text: `${action.text} changed ${pageName(page)} to "${pages[page]!.text}"`, failure: 'F6' };
  },
  sometimes: [
    {
      text: 'a leaf that is present is split',
      seen: ({ pages }, done) =>
        (done?.before[0]?.level ?? 0) > 1 && done!.before[0]!.present && pages[0]!.level === 1,
    },
    {
      text: 'a leaf that is not present is split',
      by: ['set_memory_np', 'set_direct_map_valid_noflush'],
      seen: ({ pages }, done) =>
        (done?.before[0]?.level ?? 0) > 1 && !done!.before[0]!.present && pages[0]!.level === 1,
    },
  ],
};
