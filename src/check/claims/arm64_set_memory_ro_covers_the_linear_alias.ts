import type { Claim } from '../claim.ts';
import { areaOfAll, onArea, VFREE_AREA } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'arm64-set-memory-ro-covers-the-linear-alias',
  sentence: 'On arm64, when set_memory_ro() has returned 0, the alias in the direct map is read-only, too.',
  source: {
    who: 'Dev Jain, against it: "currently we are suppressing the error"',
    when: 'Dec 2025',
    where: 'e5efd56fa157, about the time since a166563e7ec3',
  },
  catalogue: ['C9', 'F5'],
  notModelled: ({ version }) => (version.arch.name === 'arm64' ? undefined : 'it is about arm64'),
  world: () => ({
    leaf: '2M',
    geometry: 1,
    pagesFree: true,
    calls: [areaOfAll(0), onArea('set_memory_ro'), onArea('set_memory_rw'), VFREE_AREA],
  }),
  after({ action, returned }, { pages }) {
    if (action.calls[0]!.name !== 'set_memory_ro' || returned[0] !== 0) return undefined;
    const broken = pages.find(({ writable }) => writable);
    return broken === undefined
      ? undefined
      : { text: `${action.text} returned 0, and the direct map has "${broken.text}"`, failure: 'F5' };
  },
  sometimes: [
    {
      text: 'the alias is made read-only',
      seen: ({ pages }, done) =>
        done?.action.calls[0]?.name === 'set_memory_ro' && pages.every(({ writable }) => !writable),
    },
    {
      text: 'the split of the alias is refused',
      seen: (_, done) => done?.action.calls[0]?.name === 'set_memory_ro' && done.refused > 0,
    },
  ],
};
