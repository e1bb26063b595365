import type { Claim, Done, State } from '../claim.ts';
import { driftOf } from '../explore/explore.ts';
import { onPage, onRange } from './shared/worlds.ts';

/** The first level of which the kernel's count changed by another number than the tables' leaves. */
export function miscounted({ driftBefore = [] }: Done, state: State): number {
  const now = driftOf(state);
  return driftBefore.findIndex((drift, level) => level > 0 && now[level] !== drift);
}

export const claim: Claim = {
  id: 'counters-follow-the-tables',
  sentence:
    'The DirectMap lines of /proc/meminfo change by as many leaves as the direct map does, whatever is split or merged.',
  source: {
    who: 'this project',
    when: '2026',
    where: 'property P9; split_page_count() and collapse_page_count() of arch/x86/mm/pat/set_memory.c',
  },
  catalogue: ['P9'],
  world: () => ({
    leaf: '1G',
    calls: [onPage('set_direct_map_invalid_noflush'), onRange('set_memory_ro'), onRange('set_memory_rox')],
  }),
  counts: true,
  after(done, state) {
    const level = miscounted(done, state);
    return level < 0
      ? undefined
      : { text: `${done.action.text} changes leaves that nobody counts`, failure: 'F7' };
  },
  sometimes: [
    {
      text: 'a 1G leaf is split down to a page',
      seen: ({ pages }, done) => done?.before[0]?.level === 3 && pages[0]!.level === 1,
    },
  ],
};
