import type { Claim } from '../claim.ts';
import { TWO_CPUS_ACCESS } from './shared/stale.ts';
import { HIBERNATION_COPIES, onPage, onRange } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'hibernate-unmap-leaves-no-stale-translation',
  sentence:
    'When hibernation has copied a page that was not present, no CPU can read it, as none could before.',
  source: {
    who: 'this project',
    when: '2026',
    where:
      'kernel/power/snapshot.c: v5.10 flushes its own CPU only, the others being off; since v5.11 all are flushed',
  },
  catalogue: ['S8', 'S10'],
  world: () => ({
    leaf: '2M',
    geometry: 1,
    ...TWO_CPUS_ACCESS([
      onRange('set_memory_np'),
      onRange('set_memory_p'),
      onPage('set_direct_map_invalid_noflush'),
      HIBERNATION_COPIES,
    ]),
  }),
  after({ action, before, died }, state) {
    if (died !== undefined || action.calls[1]?.name !== 'safe_copy_page') return undefined;
    if (before[action.first]!.present) return undefined;
    const cpu = [0, 1].find((each) => state.canAccess(each, action.first, false));
    return cpu === undefined
      ? undefined
      : { text: `after ${action.text} CPU ${cpu} can read the page`, failure: 'F4' };
  },
  sometimes: [
    {
      text: 'a page that is not present is copied',
      about: 'safe_copy_page',
      seen: (_, done) =>
        done?.action.calls[1]?.name === 'safe_copy_page' && !done.before[done.action.first]!.present,
    },
  ],
};
