import type { Claim } from '../claim.ts';
import { kernelMapPagesFailed } from './shared/kernel_map_pages.ts';
import { DEBUG_PAGEALLOC, onRange } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'kernel-map-pages-cannot-fail',
  sentence:
    '"The return value is ignored as the calls cannot fail." With debug_pagealloc=on, as long as only the page allocator edits its pages.',
  source: {
    who: 'comment in the source',
    when: 'v5.10 to v7.2',
    where: 'arch/x86/mm/pat/set_memory.c, __kernel_map_pages()',
  },
  catalogue: ['C2', 'K1', 'S3'],
  world: () => ({
    ...DEBUG_PAGEALLOC,
    calls: [onRange('__kernel_map_pages', 0), onRange('__kernel_map_pages', 1)],
  }),
  after: kernelMapPagesFailed,
  sometimes: [
    {
      text: 'boot has mapped every page by an entry of its own: the guard',
      seen: ({ pages }) => pages.every(({ level }) => level === 1),
    },
    {
      text: 'all that one table maps is unmapped at once',
      seen: ({ pages }, done) =>
        done?.action.pages === pages.length && pages.every(({ present }) => !present),
    },
    {
      text: 'of what one table maps only the middle is mapped',
      seen: ({ pages }) => pages.map(({ present }) => Number(present)).join('') === '0110',
    },
  ],
};
