import type { Claim, Done } from '../claim.ts';
import { DIRECT_MAP_BY_PAGE, HIBERNATION_COPIES, onPage } from './shared/worlds.ts';

/** Between syscore_suspend() and syscore_resume(). */
export function allocatesInSnapshot({ action, allocations, died }: Done) {
  if (!action.calls.some(({ name }) => name === 'safe_copy_page')) return undefined;
  if (allocations === 0 && died === undefined) return undefined;
  const text = died?.text ?? 'asks for memory while memory is being copied';
  return { text: `${action.text}: ${text}`, failure: 'F8' } as const;
}

export const claim: Claim = {
  id: 'snapshot-allocates-nothing',
  sentence:
    'While hibernation copies memory it allocates none: every page that is not present is mapped by a 4K entry, as set_direct_map_invalid_noflush() and memory failure leave it.',
  source: { who: 'this project', when: '2026', where: 'property P10; S8, S12; kernel/power/snapshot.c' },
  catalogue: ['P10', 'P5', 'S8'],
  world: () => ({
    leaf: '2M',
    calls: [...DIRECT_MAP_BY_PAGE, onPage('set_mce_nospec'), HIBERNATION_COPIES],
  }),
  after: allocatesInSnapshot,
  sometimes: [
    {
      text: 'a page that is not present is copied',
      about: 'safe_copy_page',
      seen: (_, done) =>
        done?.action.calls[1]?.name === 'safe_copy_page' && !done.before[done.action.first]!.present,
    },
    {
      text: 'a page of a large leaf is copied',
      seen: (_, done) =>
        done?.action.calls[1]?.name === 'safe_copy_page' && done.before[done.action.first]!.level > 1,
    },
  ],
};
