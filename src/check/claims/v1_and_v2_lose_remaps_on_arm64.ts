import { hasChange } from '../../linux/changes.ts';
import type { Claim } from '../claim.ts';
import { isOnly, itsPages, onPage } from './shared/worlds.ts';

const REMAP = 'set_direct_map_default_noflush';

export const claim: Claim = {
  id: 'v1-and-v2-lose-remaps-on-arm64',
  sentence:
    'On arm64 with debug_pagealloc and without rodata_full, hibernation maps a page again that the page allocator has unmapped: set_direct_map_default_noflush() does not return 0 and do nothing. (Rick Edgecombe, of v1 and v2 of the series: it "might actually introduce a regression". Seven mails about one `&&`.)',
  source: { who: 'Rick Edgecombe', when: '28 Oct 2020', where: 'review of the series, v1' },
  catalogue: ['C3', 'K8', 'S14', 'F2'],
  notModelled({ version, has }) {
    if (version.arch.name !== 'arm64') return 'it is about arm64';
    return hasChange(has, 'hibernate-explicit-map')
      ? undefined
      : `in ${version.name} hibernation does not call set_direct_map_*(): add a revision of the series, +series-v1`;
  },
  world: () => ({
    leaf: '4K',
    config: { DEBUG_PAGEALLOC: 'y', KFENCE: 'n' },
    boot: 'debug_pagealloc=on rodata=off',
    calls: [onPage('__kernel_map_pages', 0), onPage(REMAP), onPage('safe_copy_page')],
  }),
  after(done, { pages }) {
    const { action, died } = done;
    if (died !== undefined) return { text: `${action.text}: ${died.text}`, failure: 'F2' };
    if (!isOnly(done, REMAP) || done.returned[0] !== 0) return undefined;
    return itsPages(action, pages).every(({ present }) => present)
      ? undefined
      : { text: `${action.text} returned 0, and the page is not present`, failure: 'F2' };
  },
  sometimes: [
    {
      text: 'a page that was unmapped is mapped again',
      seen: ({ pages }, done) =>
        isOnly(done, REMAP) && pages.some(({ present }, i) => present && !done!.before[i]!.present),
    },
    {
      text: 'a page that is not present is copied',
      seen: (_, done) => isOnly(done, 'safe_copy_page') && done?.before[done.action.first]?.present === false,
    },
  ],
};
