import type { Claim, Done } from '../claim.ts';
import { DIRECT_MAP_BY_PAGE, onLeaf, onPage, onX86Only } from './shared/worlds.ts';

const LOCKS = ['cpa_lock', 'pgd_lock'];

/** What is wrong with the way in which a CPU has split or merged leaves, if anything is. */
function problemOf({ events }: Done): string | undefined {
  const held = new Set<string>();
  let unflushed = false;
  for (const event of events) {
    if (event.kind === 'lock') held.add(event.lock);
    if (event.kind === 'flush' && event.cpus === 'all' && event.pages === 'all') unflushed = false;
    if (event.kind === 'unlock') {
      if (unflushed) return `splits a leaf, and gives ${event.lock} back before other CPUs know`;
      held.delete(event.lock);
    }
    if (event.kind === 'split' || event.kind === 'collapse') {
      const missing = LOCKS.filter((lock) => !held.has(lock));
      if (missing.length > 0) return `splits or merges a leaf without ${missing.join(', ')}`;
      unflushed = event.kind === 'split';
    }
  }
  return undefined;
}

export const claim: Claim = {
  id: 'splits-are-serialised',
  sentence:
    'Without debug_pagealloc a leaf is split, or put together again, only by a CPU that holds cpa_lock and pgd_lock, and after a split every TLB is flushed before a lock is given back.',
  source: {
    who: 'Suresh Siddha',
    when: 'September 2008, v2.6.28',
    where:
      'ad5ca55f6bdb ("x86, cpa: srlz cpa(), global flush tlb after splitting big page and before doing cpa")',
  },
  catalogue: ['P6', 'P7'],
  notModelled: onX86Only('it is about cpa_lock'),
  world: () => ({
    leaf: '1G',
    calls: [...DIRECT_MAP_BY_PAGE, onPage('set_memory_ro'), onLeaf('set_memory_rox')],
  }),
  listens: true,
  after(done) {
    const problem = problemOf(done);
    return problem === undefined ? undefined : { text: `${done.action.text} ${problem}`, failure: 'F9' };
  },
  sometimes: [
    {
      text: 'a leaf is split twice in one call',
      seen: (_, done) => done?.events.filter(({ kind }) => kind === 'split').length === 2,
    },
  ],
};
