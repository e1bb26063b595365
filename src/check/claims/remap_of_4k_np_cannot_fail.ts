import { DEFAULT_ARCH } from '../../linux/arch/index.ts';
import { errnoText } from '../../linux/errno.ts';
import type { Claim, Done } from '../claim.ts';
import { onRange, PERMISSIONS, PRESENCE } from './shared/worlds.ts';

/** Calls that make pages present. */
const REMAPS = new Set([
  'set_direct_map_default_noflush',
  'set_direct_map_valid_noflush',
  'set_memory_p',
  '__kernel_map_pages',
]);

/** Whether the call maps pages, of which all were 4K and some not present. */
function remaps4K({ action, before }: Done): boolean {
  const [{ name, with: args }] = action.calls as [Done['action']['calls'][0]];
  if (!REMAPS.has(name) || args?.[0] === 0) return false;
  const pages = before.slice(action.first, action.first + action.pages);
  return pages.every(({ level }) => level === 1) && pages.some(({ present }) => !present);
}

export const claim: Claim = {
  id: 'remap-of-4k-np-cannot-fail',
  sentence: '"If a page is 4k and NP it cannot fail to be remapped."',
  source: { who: 'Rick Edgecombe', when: '26 Oct 2020', where: 'review of the series, v1 1/4' },
  catalogue: ['C1', 'K2', 'S2'],
  world: ({ version }) => ({
    leaf: '2M',
    geometry: 1,
    config: { DEBUG_PAGEALLOC: 'y' },
    calls: [
      ...PRESENCE,
      ...PERMISSIONS,
      // Elsewhere it does nothing unless debug_pagealloc=on has mapped all by 4K entries.
      ...(version.arch === DEFAULT_ARCH
        ? [onRange('__kernel_map_pages', 1), onRange('__kernel_map_pages', 0)]
        : []),
    ],
  }),
  after(done, { pages }) {
    if (!remaps4K(done)) return undefined;
    const { action, allocations, returned } = done;
    if (allocations > 0) return { text: `${action.text} asked for memory`, failure: 'F1' };
    if ((returned[0] ?? 0) !== 0)
      return { text: `${action.text} returned ${errnoText(returned[0] ?? 0)}`, failure: 'F1' };
    const lost = pages.slice(action.first, action.first + action.pages).some(({ present }) => !present);
    return lost ? { text: `after ${action.text} a page is still not present`, failure: 'F6' } : undefined;
  },
  sometimes: [
    {
      text: 'a 4K page that was not present is mapped again',
      by: ['set_memory_np', 'set_direct_map_invalid_noflush'],
      seen: (_, done) => done !== undefined && remaps4K(done),
    },
    {
      text: 'a split is refused its page table',
      seen: (_, done) => (done?.refused ?? 0) > 0,
    },
  ],
};
