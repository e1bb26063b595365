import type { Claim, Done, Event } from '../claim.ts';
import { DIRECT_MAP_BY_PAGE, onLeaf, onPage } from './worlds.ts';

const LOCKS = ['cpa_lock', 'pgd_lock'];

const isEdit = (event: Event) => event.kind === 'split' || event.kind === 'collapse';

/** What of `LOCKS` a CPU did not hold when it split or merged a leaf. */
function missingAt({ events }: Done): string[] {
  const held = new Set<string>();
  for (const event of events) {
    if (event.kind === 'lock') held.add(event.lock);
    else if (event.kind === 'unlock') held.delete(event.lock);
    else if (isEdit(event)) {
      const missing = LOCKS.filter((lock) => !held.has(lock));
      if (missing.length > 0) return missing;
    }
  }
  return [];
}

export const claim: Claim = {
  id: 'splits-are-serialised',
  sentence:
    'Without debug_pagealloc a leaf is split, or put together again, only by a CPU that holds cpa_lock and pgd_lock.',
  source: {
    who: 'Suresh Siddha',
    when: 'September 2008, v2.6.28',
    where:
      'ad5ca55f6bdb ("x86, cpa: srlz cpa(), global flush tlb after splitting big page and before doing cpa")',
  },
  catalogue: ['P6', 'P7', 'F9'],
  world: () => ({
    leaf: '1G',
    calls: [...DIRECT_MAP_BY_PAGE, onPage('set_memory_ro'), onLeaf('set_memory_rox')],
  }),
  listens: true,
  after(done) {
    const missing = missingAt(done);
    if (missing.length === 0) return undefined;
    return {
      text: `${done.action.text} splits or merges a leaf without ${missing.join(', ')}`,
      failure: 'F9',
    };
  },
  sometimes: [
    {
      text: 'a leaf is split twice in one call',
      seen: (_, done) => done?.events.filter(({ kind }) => kind === 'split').length === 2,
    },
  ],
};
