import type { Claim } from '../claim.ts';
import { areaOfAll, onArea, VFREE_AREA } from './shared/worlds.ts';

/** P RW A D G, without NX. */
const PAGE_KERNEL_EXEC = 0x163;

export const claim: Claim = {
  id: 'the-direct-map-stays-nx',
  sentence: 'Making an area of vmalloc executable leaves its pages not executable in the direct map.',
  source: {
    who: 'Peter Zijlstra',
    when: '2022',
    where: 'd597416683d5 ("x86/mm: Inhibit _PAGE_NX changes from cpa_process_alias()") (v6.2)',
  },
  catalogue: ['P2'],
  world: () => ({
    leaf: '2M',
    geometry: 1,
    pagesFree: true,
    calls: [
      areaOfAll(0),
      areaOfAll(1),
      onArea('set_memory_x'),
      onArea('set_memory_ro'),
      onArea('set_memory_rox'),
      onArea('__set_memory_prot', PAGE_KERNEL_EXEC),
      VFREE_AREA,
    ],
  }),
  always({ pages }) {
    const page = pages.find(({ executable }) => executable);
    return page === undefined
      ? undefined
      : { text: `the direct map has a page as "${page.text}"`, failure: 'F5' };
  },
  sometimes: [
    {
      text: 'the area is made executable',
      seen: (_, done) => done?.action.calls[0]?.name === 'set_memory_x' && done.returned[0] === 0,
    },
    {
      text: 'it is made read-only, and its alias with it',
      seen: ({ pages }) => pages.every(({ writable }) => !writable),
    },
  ],
};
