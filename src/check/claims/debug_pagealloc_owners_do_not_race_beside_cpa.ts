import type { Claim } from '../claim.ts';
import { DEBUG_PAGEALLOC, DEBUG_PAGEALLOC_OWNER, dies } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'debug-pagealloc-owners-do-not-race-beside-cpa',
  sentence:
    'With debug_pagealloc=on a CPU may allocate, use and free pages while another makes pages of its own read-only and writable again.',
  source: {
    who: 'this project',
    when: '2026',
    where: 'S22: to v6.12 neither takes cpa_lock, since v7.2 one does',
  },
  catalogue: ['S22', 'C16'],
  world: () => ({
    ...DEBUG_PAGEALLOC,
    cpus: 2,
    interleaved: true,
    pagesAlike: true,
    calls: [
      DEBUG_PAGEALLOC_OWNER,
      {
        calls: [
          { name: '__kernel_map_pages', with: [1] },
          { name: 'set_memory_ro' },
          { name: 'set_memory_rw' },
          { name: 'write_page' },
          { name: '__kernel_map_pages', with: [0] },
        ],
        on: 'page',
        exclusive: true,
      },
    ],
  }),
  after: dies,
  sometimes: [
    {
      text: 'pages are made read-only and writable again',
      seen: (_, done) => done?.action.calls.length === 5 && done.returned[2] === 0,
    },
    {
      text: 'pages are allocated and freed',
      seen: (_, done) => done?.action.calls.length === 4,
    },
  ],
};
