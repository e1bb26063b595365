import { hasChange } from '../../linux/changes.ts';
import { _PAGE_SOFTW3 } from '../../mmu/x86_64.ts';
import type { Claim, Done, PageState } from '../claim.ts';
import { nothingMerges } from './shared/merge.ts';
import { endsWell, onLeaf, onPage, onRange } from './shared/worlds.ts';

const isMarked = ({ flags }: PageState) => (flags & _PAGE_SOFTW3) !== 0;

/** Pages that are in a larger leaf than before. */
const merged = ({ before }: Done, pages: readonly PageState[]) =>
  before.filter(({ level }, i) => pages[i]!.level > level);

export const claim: Claim = {
  id: 'pages-marked-4k-are-not-merged',
  sentence:
    'Pages that set_memory_4k() was asked for stay 4K, whatever set_memory_rox() puts together again.',
  source: {
    who: 'the kernel',
    when: 'v7.2',
    where: 'pgtable_types.h: _PAGE_KERNEL_4K, "page must not be converted to large"',
  },
  catalogue: ['P7'],
  notModelled: (build) =>
    hasChange(build.has, 'kernel-4k-marks')
      ? nothingMerges(build)
      : `${build.version.name} marks no pages so`,
  world: () => ({
    leaf: '2M',
    calls: [onRange('set_memory_4k'), onLeaf('set_memory_rox'), onPage('set_memory_rw')],
  }),
  after(done, { pages }) {
    return merged(done, pages).some(isMarked)
      ? { text: `${done.action.text} merges a page that was to stay 4K`, failure: 'F6' }
      : undefined;
  },
  sometimes: [
    endsWell('set_memory_4k'),
    {
      text: 'pages that nobody marked are merged',
      seen: ({ pages }, done) => done !== undefined && merged(done, pages).length > 0,
    },
    {
      text: 'all pages are marked, and alike',
      seen: ({ pages }) => pages.every((page) => page === pages[0] && isMarked(page)),
    },
  ],
};
