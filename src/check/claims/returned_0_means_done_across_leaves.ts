import { promiseOf } from '../../scenario/promises.ts';
import type { Claim, Done } from '../claim.ts';
import { itsPages, onRange } from './shared/worlds.ts';

/** Whether an action is on pages of both halves, which had a large leaf each, one of them changed already. */
function goesOverTwoLeaves({ action, before }: Done): boolean {
  const [first, , third] = before;
  return action.pages > 2 && first!.level === 2 && third!.level === 2 && first !== third;
}

export const claim: Claim = {
  id: 'returned-0-means-done-across-leaves',
  sentence:
    'A call that changes a range of several leaves, of whatever sizes and rights, and returned 0 has left out no page of it.',
  source: {
    who: 'this project',
    when: '2026',
    where: 'property P2; the count of pages in __change_page_attr_set_clr() and __should_split_large_page()',
  },
  catalogue: ['P2'],
  world: () => ({
    leaf: '1G',
    calls: ['set_memory_ro', 'set_memory_rw', 'set_memory_np', 'set_memory_p'].map((name) => onRange(name)),
  }),
  after({ action, returned }, { pages }) {
    const promise = promiseOf(action.calls[0]!.name);
    if (returned[0] !== 0 || promise === undefined) return undefined;
    const left = itsPages(action, pages).findIndex((page) => !promise.kept(page));
    return left < 0
      ? undefined
      : { text: `${action.text} returned 0, and has left out page+${action.first + left}`, failure: 'F6' };
  },
  sometimes: [
    {
      text: 'a range begins in one large leaf and ends in another, which is mapped otherwise',
      seen: (_, done) => done !== undefined && done.returned[0] === 0 && goesOverTwoLeaves(done),
    },
  ],
};
