import type { Claim, Done, PageState, State } from '../claim.ts';
import { nothingMerges, RESTORES_LARGE_PAGES } from './shared/merge.ts';
import { changedBeside, itsPages, onLeaf, onPage, onRange } from './shared/worlds.ts';

const typeOf = ({ text }: PageState) => text.match(/PWT|PCD|PAT/g)?.join(' ');

const merges = ({ before }: Done, { pages }: State) => pages.some(({ level }, i) => level > before[i]!.level);

export const claim: Claim = {
  id: 'merge-covers-equal-entries-only',
  sentence:
    'When set_memory_rox() puts a large leaf together again, every page keeps its frame, its memory type and the rights that it had or was to have.',
  source: RESTORES_LARGE_PAGES,
  catalogue: ['P7'],
  notModelled: nothingMerges,
  world: () => ({
    leaf: '1G',
    calls: [
      onRange('set_memory_rox'),
      onPage('set_memory_np'),
      onLeaf('_set_memory_wt'),
      { calls: [{ name: '_set_memory_wb' }], on: 'first' },
    ],
  }),
  after(done, state) {
    if (!merges(done, state)) return undefined;
    const { pages } = state;
    const { action, before } = done;
    const beside = changedBeside(action, before, pages);
    const asWished = itsPages(action, pages).every(
      ({ present, writable, executable, frameOffset }, i) =>
        present === before[action.first + i]!.present && !writable && executable && frameOffset === 0,
    );
    const retyped = pages.some((page, i) => typeOf(page) !== typeOf(before[i]!));
    if (beside < 0 && asWished && !retyped) return undefined;
    return { text: `${action.text} merges what is not equal`, failure: 'F6' };
  },
  sometimes: [
    {
      text: 'four pages become a 1G leaf again',
      seen: ({ pages }, done) => pages[0]!.level === 3 && done?.before[0]?.level === 1,
    },
    {
      text: 'pages of another memory type become a large leaf',
      seen: (state, done) =>
        done !== undefined &&
        merges(done, state) &&
        state.pages.some((page) => page.level > 1 && typeOf(page) !== undefined),
    },
    {
      text: 'the rest of the leaf has been made so before',
      seen: (state, done) => done !== undefined && merges(done, state) && done.action.pages === 1,
    },
  ],
};
