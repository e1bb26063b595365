import type { Claim } from '../claim.ts';
import { DEBUG_PAGEALLOC, onRange, PERMISSIONS, PRESENCE } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'debug-pagealloc-never-splits',
  sentence: 'On x86 DEBUG_PAGEALLOC "expects to never have to break a page".',
  source: { who: 'Rick Edgecombe', when: '26 Oct 2020', where: 'review of the series, v1' },
  catalogue: ['K1', 'K6', 'S3'],
  world: () => ({
    ...DEBUG_PAGEALLOC,
    geometry: 1,
    calls: [
      ...PRESENCE,
      ...PERMISSIONS,
      onRange('set_memory_4k'),
      onRange('__kernel_map_pages', 1),
      onRange('__kernel_map_pages', 0),
    ],
  }),
  after: ({ action, allocations }) =>
    allocations === 0 ? undefined : { text: `${action.text} must break a large leaf`, failure: 'F1' },
  sometimes: [
    {
      text: 'of two neighbours one is present and one is not',
      seen: ({ pages }) => pages[0]!.present !== pages[1]!.present,
    },
    {
      text: 'a call is about part of what one table maps',
      seen: ({ pages }, done) => done !== undefined && done.action.pages < pages.length,
    },
  ],
};
