import type { Claim, PageState } from '../claim.ts';
import { areaOfAll, isRefused, onArea, VFREE_AREA, WRITABLE_AFTER_VFREE } from './shared/worlds.ts';

const isPlain = ({ present, writable }: PageState) => present && writable;

export const claim: Claim = {
  id: 'freed-pages-are-plain',
  sentence:
    'vfree() of an area with VM_FLUSH_RESET_PERMS leaves every page of it present and writable in the direct map.',
  source: {
    who: 'Rick Edgecombe',
    when: '25 Apr 2019',
    where: '"mm/vmalloc: Add flag for freeing of special permsissions" (v5.2); vm_reset_perms()',
  },
  catalogue: ['P8', 'S23', 'S9'],
  world: () => ({
    leaf: '2M',
    pagesFree: true,
    calls: [
      areaOfAll(0),
      areaOfAll(1),
      onArea('set_memory_ro'),
      onArea('set_memory_rw'),
      onArea('set_memory_rox'),
      onArea('set_memory_np'),
      onArea('set_memory_p'),
      VFREE_AREA,
    ],
  }),
  after({ action }, { pages }) {
    if (action.calls[0]!.name !== 'vfree') return undefined;
    const page = pages.find((each) => !isPlain(each));
    return page === undefined
      ? undefined
      : { text: `after ${action.text} a free page is mapped "${page.text}"`, failure: 'F1' };
  },
  sometimes: [
    WRITABLE_AFTER_VFREE,
    {
      text: 'a page that was not present is present again after vfree()',
      by: ['set_memory_np'],
      seen: ({ pages }, done) =>
        done?.action.calls[0]?.name === 'vfree' &&
        pages.some(({ present }, i) => present && !done.before[i]!.present),
    },
    isRefused('vfree'),
  ],
};
