import { hasChange } from '../../linux/changes.ts';
import type { Claim, Done, PageState } from '../claim.ts';
import { RESTORES_LARGE_PAGES } from './shared/merge.ts';
import { VFREE_AREA } from './shared/worlds.ts';

const OF_TWO_PAGES = 2;

/** The pages of the area, once it is read-only: nothing else is. */
function areaOf(pages: readonly PageState[]): number[] {
  return pages.flatMap(({ present, writable }, page) => (present && !writable ? [page] : []));
}

/** Whether the area's pages follow one another, from the first of a large leaf's. */
function couldBeOneLeaf([first, second]: readonly number[]): boolean {
  return first! % OF_TWO_PAGES === 0 && second === first! + 1;
}

const madeReadOnly = ({ action, returned }: Done) =>
  action.calls[0]!.name === 'execmem_restore_rox' && returned[0] === 0;

const merges = ({ events }: Done) => events.some(({ kind }) => kind === 'collapse');

export const claim: Claim = {
  id: 'scattered-pages-are-not-merged',
  sentence:
    'set_memory_rox() gives an area of vmalloc a large leaf only if its pages follow one another in memory.',
  source: RESTORES_LARGE_PAGES,
  catalogue: ['P7'],
  notModelled: ({ version, has }) =>
    hasChange(has, 'cpa-collapse') && has['execmem-rox-cache']
      ? undefined
      : `nobody merges areas in ${version.name}`,
  world: () => ({
    leaf: '1G',
    geometry: 1,
    pagesFree: true,
    memoryIsPlenty: true,
    calls: [
      // Somebody has the first page for a while, and somebody else another, for good.
      { calls: [{ name: 'alloc_pages', with: [0], keep: 'page' }], on: 'none' },
      { calls: [{ name: '__free_pages', at: 'page', with: [0], forget: 'page' }], on: 'none' },
      { calls: [{ name: 'alloc_pages', with: [0, 1], keep: 'other' }], on: 'none' },
      { calls: [{ name: 'vmalloc_reset_perms', with: [OF_TWO_PAGES], keep: 'area' }], on: 'none' },
      { calls: [{ name: 'execmem_restore_rox', at: 'area', with: [OF_TWO_PAGES] }], on: 'none' },
      VFREE_AREA,
    ],
  }),
  listens: true,
  after(done, { pages }) {
    if (!madeReadOnly(done) || !merges(done) || couldBeOneLeaf(areaOf(pages))) return undefined;
    return { text: `${done.action.text} merges pages that do not follow one another`, failure: 'F6' };
  },
  sometimes: [
    {
      text: 'pages that follow one another are merged',
      seen: ({ pages }, done) =>
        done !== undefined && madeReadOnly(done) && merges(done) && couldBeOneLeaf(areaOf(pages)),
    },
    {
      text: 'pages that do not are made read-only, the first of a large leaf among them',
      seen: ({ pages }, done) =>
        done !== undefined &&
        madeReadOnly(done) &&
        areaOf(pages)[0]! % OF_TWO_PAGES === 0 &&
        !couldBeOneLeaf(areaOf(pages)),
    },
  ],
};
