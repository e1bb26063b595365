import type { Claim } from '../claim.ts';
import { DIRECT_MAP_BY_PAGE, isOnly, itsPages } from './shared/worlds.ts';

const RESTORE = 'set_direct_map_default_noflush';

export const claim: Claim = {
  id: 'guest-memfd-restore-after-4k-zap-cannot-fail',
  sentence:
    '"Direct map restoration cannot fail, as the only error condition for direct map manipulation is failure to allocate page tables when splitting huge pages, but this split would have already happened". If pages were taken out one by one.',
  source: { who: 'cover letter of guest_memfd direct map removal, v9', when: 'Jan 2026', where: 'linux-mm' },
  catalogue: ['C7', 'C1'],
  world: () => ({ leaf: '1G', calls: [...DIRECT_MAP_BY_PAGE] }),
  after(done, { pages }) {
    if (!isOnly(done, RESTORE)) return undefined;
    const { action, returned } = done;
    const wasOut = itsPages(done.action, done.before).some(({ present }) => !present);
    const back = itsPages(done.action, pages).every(({ present, writable }) => present && writable);
    return back && (returned[0] === 0 || !wasOut)
      ? undefined
      : { text: `${action.text} did not restore the page`, failure: 'F1' };
  },
  sometimes: [
    {
      text: 'a page is restored',
      seen: (_, done) => isOnly(done, RESTORE) && done?.before[done.action.first]?.present === false,
    },
    { text: 'a zap is refused a page table', seen: (_, done) => (done?.refused ?? 0) > 0 },
    {
      text: 'a page is restored whose zap was refused',
      seen: ({ pages }, done) => isOnly(done, RESTORE) && pages.every(({ level }) => level > 1),
    },
  ],
};
