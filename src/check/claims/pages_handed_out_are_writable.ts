import type { Claim, Pattern } from '../claim.ts';
import { areaOfAll, isRefused, onArea, WRITABLE_AFTER_VFREE } from './shared/worlds.ts';

/** The area is freed, and whoever gets its first page writes it. */
const FREED_AND_WRITTEN: Pattern = {
  calls: [
    { name: 'vfree', at: 'area', forget: 'area' },
    { name: 'write_page', at: 'own', forget: 'own' },
  ],
  on: 'none',
};

export const claim: Claim = {
  id: 'pages-handed-out-are-writable',
  sentence:
    'Whoever gets a page from the allocator can write it, whatever its owners before have done to an area of vmalloc that resets its permissions.',
  source: {
    who: 'Rick Edgecombe',
    when: '25 Apr 2019',
    where: '"mm/vmalloc: Add flag for freeing of special permsissions" (v5.2); vm_reset_perms()',
  },
  catalogue: ['P1', 'S23', 'S9'],
  world: () => ({
    leaf: '2M',
    geometry: 1,
    pagesFree: true,
    calls: [
      areaOfAll(0),
      areaOfAll(1),
      onArea('set_memory_ro'),
      onArea('set_memory_rw'),
      onArea('set_memory_rox'),
      { calls: [{ name: 'vmalloc_to_page', at: 'area', keep: 'own' }], on: 'none' },
      FREED_AND_WRITTEN,
    ],
  }),
  after({ action, died }) {
    return died === undefined
      ? undefined
      : { text: `${action.text}, by the page's next owner: ${died.text}`, failure: 'F1' };
  },
  sometimes: [WRITABLE_AFTER_VFREE, isRefused('vfree')],
};
