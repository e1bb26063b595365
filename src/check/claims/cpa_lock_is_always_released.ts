import type { Claim } from '../claim.ts';
import { DEBUG_PAGEALLOC, dies, onLeaf, onPage, onX86Only } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'cpa-lock-is-always-released',
  sentence: 'Whoever has taken cpa_lock releases it, and nobody releases it who has not taken it.',
  source: {
    who: 'this project',
    when: '2026',
    where:
      'split_large_page() of v7.2 drops and takes cpa_lock also for __kernel_map_pages(), which went without',
  },
  catalogue: ['S3', 'K1'],
  notModelled: onX86Only('it is about cpa_lock'),
  world: ({ has }) => ({
    ...DEBUG_PAGEALLOC,
    geometry: 1,
    cpus: 2,
    interleaved: true,
    first: has['set-memory-rox'] ? [onLeaf('set_memory_rox')] : [],
    calls: [
      onPage('set_memory_ro'),
      onPage('set_memory_rw'),
      onPage('__kernel_map_pages', 0),
      onPage('__kernel_map_pages', 1),
    ],
  }),
  after: dies,
  sometimes: [
    {
      text: 'a page is unmapped while another is read-only',
      seen: ({ pages }) => pages.some(({ present }) => !present) && pages.some(({ writable }) => !writable),
    },
  ],
};
