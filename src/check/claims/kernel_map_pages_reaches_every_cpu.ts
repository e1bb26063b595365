import type { Claim } from '../claim.ts';
import { accessible, TWO_CPUS_ACCESS } from './shared/stale.ts';
import { DEBUG_PAGEALLOC, endsWell, onPage } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'kernel-map-pages-reaches-every-cpu',
  sentence: 'With debug_pagealloc=on no CPU can read a page that was freed.',
  source: {
    who: 'this project',
    when: '2026',
    where: 'S4; __kernel_map_pages() of set_memory.c flushes its own CPU only, and says so in a comment',
  },
  catalogue: ['S4'],
  world: () => ({
    ...DEBUG_PAGEALLOC,
    geometry: 1,
    ...TWO_CPUS_ACCESS([onPage('__kernel_map_pages', 0), onPage('__kernel_map_pages', 1)]),
  }),
  after: (done, state) =>
    done.action.calls[0]!.with?.[0] === 0
      ? accessible(['__kernel_map_pages'], false)(done, state)
      : undefined,
  sometimes: [endsWell('touch'), endsWell('__kernel_map_pages')],
};
