import type { Claim } from '../claim.ts';
import { kernelMapPagesFailed } from './shared/kernel_map_pages.ts';
import { isRefused, onRange } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'kernel-map-pages-cannot-fail-on-a-large-map',
  sentence:
    '"The return value is ignored as the calls cannot fail." Without DEBUG_PAGEALLOC too, where hibernation calls it.',
  source: {
    who: 'comment in the source; David Hildenbrand asks',
    when: '20 Oct 2020',
    where: 'arch/x86/mm/pat/set_memory.c, __kernel_map_pages(); review of RFC v2 15/16, KVM protected memory',
  },
  catalogue: ['C2', 'K6', 'S11'],
  notModelled: ({ has, config }) =>
    has['kernel-map-pages-debug-only'] && !config.DEBUG_PAGEALLOC
      ? 'since 5d6ad668f316 the function exists with DEBUG_PAGEALLOC only'
      : undefined,
  world: () => ({
    leaf: '2M',
    calls: [onRange('set_memory_np'), onRange('__kernel_map_pages', 1), onRange('__kernel_map_pages', 0)],
  }),
  after: kernelMapPagesFailed,
  sometimes: [isRefused('__kernel_map_pages')],
};
