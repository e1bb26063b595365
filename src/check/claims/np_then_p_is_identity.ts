import type { Claim } from '../claim.ts';
import { endsWell, flagsLost, itsPages, NP_THEN_P } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'np-then-p-is-identity',
  sentence:
    'set_memory_np() and then set_memory_p() give back the mapping that was, but for the size of its leaf.',
  source: { who: 'this project', when: '2026', where: 'property P4, asked of the calls that keep RW' },
  catalogue: ['P4'],
  world: () => ({
    leaf: '2M',
    calls: [NP_THEN_P],
  }),
  after(done, { pages }) {
    if (done.returned.some((value) => value !== 0)) return undefined;
    const before = itsPages(done.action, done.before);
    const lost = itsPages(done.action, pages).map((page, i) => flagsLost(before[i]!, page));
    const flags = lost.find((each) => each !== '');
    return flags === undefined
      ? undefined
      : { text: `${done.action.text} returned 0, and the page has lost ${flags}`, failure: 'F6' };
  },
  sometimes: [endsWell('set_memory_p')],
};
