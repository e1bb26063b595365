import type { Claim } from '../claim.ts';
import { itsPages, onPage, onX86Only } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'cleared-poison-is-present',
  sentence: 'When clear_mce_nospec() has returned 0, the page can be used again.',
  source: {
    who: 'Jane Chu',
    when: '2022',
    where: '5898b43af954 ("mce: fix set_mce_nospec to always unmap the whole page") (v5.19)',
  },
  catalogue: ['P2', 'S29'],
  notModelled: onX86Only('it is about set_mce_nospec()'),
  world: () => ({ leaf: '2M', calls: [onPage('set_mce_nospec', 1), onPage('clear_mce_nospec')] }),
  after({ action, returned }, { pages }) {
    if (action.calls[0]!.name !== 'clear_mce_nospec' || returned[0] !== 0) return undefined;
    return itsPages(action, pages).every(({ present }) => present)
      ? undefined
      : { text: `${action.text} returned 0, and the page is not present`, failure: 'F2' };
  },
  sometimes: [
    {
      text: 'a poisoned page is not present',
      seen: ({ pages }) => pages.some(({ present }) => !present),
    },
    {
      text: 'a page is present again',
      seen: ({ pages }, done) =>
        done?.before.some(({ present }, i) => !present && pages[i]!.present) === true,
    },
  ],
};
