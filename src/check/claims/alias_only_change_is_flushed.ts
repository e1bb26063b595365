import type { Claim } from '../claim.ts';
import { endsWell } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'alias-only-change-is-flushed',
  sentence: 'When set_memory_ro() has returned 0, no CPU can write the pages any more, by whatever address.',
  source: {
    who: 'this project',
    when: '2026',
    where:
      'arch/x86/mm/pat/set_memory.c, change_page_attr_set_clr(): "Check whether we really changed something"',
  },
  catalogue: ['P2', 'S23'],
  world: () => ({
    leaf: '2M',
    geometry: 1,
    pagesFree: true,
    tlb: true,
    calls: [
      { calls: [{ name: 'vmalloc', with: [1], keep: 'area' }], on: 'none' },
      { calls: [{ name: 'vmalloc_to_page', at: 'area', keep: 'page' }], on: 'none' },
      { calls: [{ name: 'set_memory_ro', at: 'area' }], on: 'first' },
      { calls: [{ name: 'set_pages_rw', at: 'page' }], on: 'first' },
      { calls: [{ name: 'write_page', at: 'page' }], on: 'none' },
    ],
  }),
  after({ action, returned, cpu }, state) {
    const [call] = action.calls;
    if (call!.name !== 'set_memory_ro' || returned[0] !== 0) return undefined;
    return state.canAccess(cpu, 0, true)
      ? {
          text: `${action.text} returned 0, and the CPU can still write the page through its TLB`,
          failure: 'F4',
        }
      : undefined;
  },
  sometimes: [endsWell('set_memory_ro'), endsWell('write_page')],
};
