import { errnoText } from '../../linux/errno.ts';
import type { Claim } from '../claim.ts';
import { endsWell, isOnly, isRefused, ONE_AREA } from './shared/worlds.ts';

const NAME = 'execmem_set_direct_map_valid';

export const claim: Claim = {
  id: 'execmem-rollback-is-exact',
  sentence: 'If execmem_set_direct_map_valid() fails half way, it has put everything back as it was.',
  source: {
    who: 'this project',
    when: '2026',
    where: 'mm/execmem.c of v7.2, execmem_set_direct_map_valid()',
  },
  catalogue: ['C15', 'S26', 'P3'],
  notModelled: ({ has }) =>
    has['execmem-rox-cache'] ? undefined : 'this kernel has no cache of executable memory',
  world: () => ({
    leaf: '1G',
    pagesFree: true,
    calls: [
      ONE_AREA,
      { calls: [{ name: NAME, at: 'area', with: [0] }], on: 'none' },
      { calls: [{ name: NAME, at: 'area', with: [1] }], on: 'none' },
    ],
  }),
  after(done, { pages }) {
    if (!isOnly(done, NAME) || done.returned[0] === 0) return undefined;
    const changed = pages.findIndex((page, i) => page.text !== done.before[i]!.text);
    if (changed < 0) return undefined;
    const was = done.before[changed]!.text;
    return {
      text: `${done.action.text} returned ${errnoText(done.returned[0] ?? 0)}, and a page that was "${was}" is "${pages[changed]!.text}"`,
      failure: 'F3',
    };
  },
  sometimes: [endsWell(NAME), isRefused(NAME)],
};
