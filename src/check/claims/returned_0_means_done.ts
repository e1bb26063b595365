import { promiseOf } from '../../scenario/promises.ts';
import type { Action, Claim, Done, PageState } from '../claim.ts';
import { itsPages, onPage, onRange, PERMISSIONS, PRESENCE } from './shared/worlds.ts';

/** What the call has promised of each of its pages. */
function isKept({ calls }: Action, page: PageState): boolean {
  const { name, with: [valid] = [] } = calls[0]!;
  const inverse = valid === 0 ? 'set_direct_map_invalid_noflush' : 'set_direct_map_default_noflush';
  const promise = promiseOf(name === 'set_direct_map_valid_noflush' ? inverse : name);
  return promise === undefined || promise.kept(page);
}

const succeeded = ({ returned }: Done) => returned[0] === 0;

export const claim: Claim = {
  id: 'returned-0-means-done',
  sentence: 'A call that changes a range and returned 0 has done to every page of it what its name says.',
  source: {
    who: 'this project',
    when: '2026',
    where: 'property P2; the class "policy says no and returns 0" of arm64 and loongarch, asked of x86',
  },
  catalogue: ['P2'],
  world: () => ({
    leaf: '2M',
    geometry: 1,
    calls: [...PRESENCE, ...PERMISSIONS, onRange('set_memory_x'), onPage('set_memory_4k')],
  }),
  after(done, { pages }) {
    if (!succeeded(done)) return undefined;
    const broken = itsPages(done.action, pages).find((page) => !isKept(done.action, page));
    return broken === undefined
      ? undefined
      : { text: `${done.action.text} returned 0, and a page is mapped "${broken.text}"`, failure: 'F6' };
  },
  sometimes: [
    {
      text: 'a large leaf is changed whole',
      seen: ({ pages }, done) =>
        done !== undefined &&
        succeeded(done) &&
        done.before[0]!.level > 1 &&
        pages[0]!.level > 1 &&
        pages[0] !== done.before[0],
    },
    {
      text: 'a large leaf is split',
      seen: ({ pages }, done) => (done?.before[0]?.level ?? 0) > 1 && pages[0]!.level === 1,
    },
    { text: 'a call fails', seen: (_, done) => (done?.returned[0] ?? 0) < 0 },
  ],
};
