import { errnoText } from '../../linux/errno.ts';
import type { Claim } from '../claim.ts';
import { areaOfAll, isOnly, onArea } from './shared/worlds.ts';

const RESTORE = 'execmem_set_direct_map_valid';

export const claim: Claim = {
  id: 'execmem-restore-cannot-fail',
  sentence:
    'Whatever execmem has done to an area, it can make the pages writable in the direct map again without memory, so that it need not look at what that returns.',
  source: { who: 'this project', when: '2026', where: 'mm/execmem.c of v7.2, execmem_cache_clean()' },
  catalogue: ['C15', 'S26', 'P8'],
  notModelled: ({ has }) =>
    has['execmem-rox-cache'] ? undefined : 'this kernel has no cache of executable memory',
  world: () => ({
    leaf: '2M',
    geometry: 1,
    pagesFree: true,
    calls: [
      areaOfAll(0),
      areaOfAll(1),
      onArea('set_memory_rox'),
      { calls: [{ name: 'set_memory_rw', at: 'area' }], on: 'first' },
      { calls: [{ name: 'set_memory_rox', at: 'area' }], on: 'first' },
      { calls: [{ name: RESTORE, at: 'area', with: [1] }], on: 'none' },
    ],
  }),
  after(done, { pages }) {
    if (!isOnly(done, RESTORE)) return undefined;
    const { action, returned, allocations } = done;
    if (returned[0] !== 0)
      return { text: `${action.text} returned ${errnoText(returned[0] ?? 0)}`, failure: 'F1' };
    if (allocations > 0) return { text: `${action.text} asked for memory`, failure: 'F1' };
    return pages.every(({ present, writable }) => present && writable)
      ? undefined
      : { text: `after ${action.text} a page is not present and writable`, failure: 'F6' };
  },
  sometimes: [
    {
      text: 'large leaves that are read-only are restored',
      about: RESTORE,
      seen: (_, done) =>
        isOnly(done, RESTORE) &&
        done?.before.every(({ level, writable }) => level === 2 && !writable) === true,
    },
    {
      text: 'single read-only pages are restored',
      seen: (_, done) =>
        isOnly(done, RESTORE) &&
        done?.before.every(({ level, writable }) => level === 1 && !writable) === true,
    },
    {
      text: 'set_memory_rox() fails for want of a page table',
      seen: (_, done) => isOnly(done, 'set_memory_rox') && done?.returned[0] === -12,
    },
  ],
};
