import type { Claim } from '../claim.ts';
import { endsWell, flagsLost, itsPages, NP_THEN_P, onRange, onX86Only } from './shared/worlds.ts';

const TYPE = ['PWT', 'PCD', 'PAT'];

export const claim: Claim = {
  id: 'np-then-p-keeps-the-memory-type',
  sentence: 'set_memory_np() and then set_memory_p() leave pages of the memory type that they had.',
  source: {
    who: 'this project',
    when: '2026',
    where: 'asm/pgtable-invert.h: bit 12 of a leaf is not PAT if P is 0',
  },
  catalogue: ['P4'],
  notModelled: onX86Only('it is about PAT'),
  world: () => ({
    leaf: '2M',
    calls: [onRange('_set_memory_wc'), onRange('_set_memory_wt'), onRange('_set_memory_wb'), NP_THEN_P],
  }),
  after(done, { pages }) {
    if (done.action.calls.length < 2 || done.returned.some((value) => value !== 0)) return undefined;
    const before = itsPages(done.action, done.before);
    const lost = itsPages(done.action, pages).flatMap((page, i) => flagsLost(before[i]!, page).split(' '));
    const bits = TYPE.filter((bit) => lost.includes(bit));
    return bits.length === 0
      ? undefined
      : { text: `${done.action.text} returned 0, and pages have lost ${bits.join(' ')}`, failure: 'F6' };
  },
  sometimes: [endsWell('set_memory_p'), endsWell('_set_memory_wt')],
};
