import type { Claim } from '../claim.ts';
import { DEBUG_PAGEALLOC, DEBUG_PAGEALLOC_OWNER, dies } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'debug-pagealloc-owners-do-not-race',
  sentence:
    'With debug_pagealloc=on any number of CPUs may allocate, use and free pages at a time, without a lock: each page has one owner.',
  source: {
    who: 'Rick Edgecombe',
    when: '26 Oct 2020',
    where:
      'review of the series: why CPA can do without its lock; set_memory.c of v7.2, above __kernel_map_pages()',
  },
  catalogue: ['K1', 'S3', 'S22'],
  world: () => ({
    ...DEBUG_PAGEALLOC,
    cpus: 3,
    interleaved: true,
    pagesAlike: true,
    calls: [DEBUG_PAGEALLOC_OWNER],
  }),
  after: dies,
  sometimes: [
    {
      text: 'a page is freed while others are in use',
      seen: ({ pages }, done) =>
        done !== undefined && pages.some(({ present }) => !present) && pages.some(({ present }) => present),
    },
  ],
};
