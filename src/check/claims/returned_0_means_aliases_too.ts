import type { Claim, Done, PageState } from '../claim.ts';
import { areaOfAll, onArea, VFREE_AREA } from './shared/worlds.ts';

/** What each call owes the direct map's alias of its pages. Of NX it owes nothing. */
const OWED: Readonly<Record<string, (alias: PageState) => boolean>> = {
  set_memory_ro: ({ writable }) => !writable,
  set_memory_rox: ({ writable }) => !writable,
  set_memory_rw: ({ writable }) => writable,
  set_memory_np: ({ present }) => !present,
  set_memory_p: ({ present }) => present,
};

const isOn = (name: string, done: Done | undefined) =>
  done?.action.calls[0]?.name === name && done.returned[0] === 0;

export const claim: Claim = {
  id: 'returned-0-means-aliases-too',
  sentence:
    'A call on an area of vmalloc that returned 0 has made its pages read-only, writable, present or not present in the direct map, too.',
  source: {
    who: 'this project',
    when: '2026',
    where: 'property P2; cpa_process_alias() of arch/x86/mm/pat/set_memory.c; for arm64 commit e5efd56fa157',
  },
  catalogue: ['P2', 'C9'],
  world: () => ({
    leaf: '2M',
    geometry: 1,
    pagesFree: true,
    calls: [
      areaOfAll(0),
      areaOfAll(1),
      ...Object.keys(OWED).map((name) => onArea(name)),
      onArea('set_memory_x'),
      onArea('set_memory_nx'),
      VFREE_AREA,
    ],
  }),
  after({ action, returned }, { pages }) {
    const owed = OWED[action.calls[0]!.name];
    const broken = returned[0] === 0 ? pages.find((page) => owed?.(page) === false) : undefined;
    return broken === undefined
      ? undefined
      : { text: `${action.text} returned 0, and the direct map has "${broken.text}"`, failure: 'F5' };
  },
  sometimes: [
    {
      text: 'the alias is split for its first page and changed page by page',
      seen: ({ pages }, done) =>
        isOn('set_memory_ro', done) && done!.before[0]!.level > 1 && pages[0]!.level === 1,
    },
    {
      text: 'the alias fails, and the call with it',
      seen: (_, done) => done?.action.calls[0]?.name === 'set_memory_ro' && done.returned[0]! < 0,
    },
  ],
};
