import type { Claim } from '../claim.ts';
import { miscounted } from './counters_follow_the_tables.ts';
import { endsWell, onPage, onX86Only } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'counters-follow-memory-failure',
  sentence: 'The DirectMap lines of /proc/meminfo count the leaves that are split for poisoned pages, too.',
  source: {
    who: 'this project',
    when: '2026',
    where:
      'set_mce_nospec(): it names the page by an address with bit 63 flipped, which split_page_count() takes for none of RAM',
  },
  catalogue: ['P9'],
  notModelled: onX86Only('it is about set_mce_nospec()'),
  world: () => ({ leaf: '1G', calls: [onPage('set_mce_nospec'), onPage('clear_mce_nospec')] }),
  counts: true,
  after(done, state) {
    return miscounted(done, state) < 0
      ? undefined
      : { text: `${done.action.text} splits a leaf, and nobody counts it`, failure: 'F7' };
  },
  sometimes: [endsWell('set_mce_nospec'), endsWell('clear_mce_nospec')],
};
