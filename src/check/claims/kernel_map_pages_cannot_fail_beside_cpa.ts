import type { Claim } from '../claim.ts';
import { kernelMapPagesFailed } from './shared/kernel_map_pages.ts';
import { DEBUG_PAGEALLOC, isOnly, onRange, PERMISSIONS } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'kernel-map-pages-cannot-fail-beside-cpa',
  sentence:
    '"The return value is ignored as the calls cannot fail." With debug_pagealloc=on, whatever the owners of pages do to them before they free them.',
  source: {
    who: 'comment in the source',
    when: 'v5.10 to v7.2',
    where: 'arch/x86/mm/pat/set_memory.c, __kernel_map_pages()',
  },
  catalogue: ['C2', 'K1', 'S3'],
  world: () => ({
    ...DEBUG_PAGEALLOC,
    geometry: 1,
    calls: [
      ...PERMISSIONS,
      onRange('set_memory_np'),
      onRange('set_memory_p'),
      onRange('__kernel_map_pages', 0),
      onRange('__kernel_map_pages', 1),
    ],
  }),
  after: kernelMapPagesFailed,
  sometimes: [
    {
      text: 'pages that were made read-only are unmapped',
      seen: (_, done) =>
        isOnly(done, '__kernel_map_pages', 0) && done?.before.every(({ writable }) => !writable) === true,
    },
  ],
};
