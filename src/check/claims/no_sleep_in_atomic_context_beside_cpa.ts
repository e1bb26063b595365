import type { Claim } from '../claim.ts';
import { mapsWithInterruptsOff, sleeps } from './no_sleep_in_atomic_context.ts';
import { DEBUG_PAGEALLOC, onLeaf, onRange } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'no-sleep-in-atomic-context-beside-cpa',
  sentence:
    'With debug_pagealloc=on the page allocator may map and unmap pages with interrupts off, whatever set_memory_*() did to them before.',
  source: {
    who: 'this project',
    when: '2026',
    where: 'property P5; __kernel_map_pages() after a collapse by set_memory_rox(), v6.15 and later',
  },
  catalogue: ['P5', 'S3'],
  world: () => ({
    ...DEBUG_PAGEALLOC,
    calls: [
      mapsWithInterruptsOff(0),
      mapsWithInterruptsOff(1),
      onRange('set_memory_ro'),
      onRange('set_memory_rw'),
      onLeaf('set_memory_rox'),
    ],
  }),
  listens: true,
  after: sleeps,
  sometimes: [
    {
      text: 'a page is unmapped between others that are read-only',
      seen: ({ pages }) =>
        pages.some(({ present }) => !present) && pages.some(({ present, writable }) => present && !writable),
    },
  ],
};
