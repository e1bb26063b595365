import type { Claim, Done } from '../claim.ts';
import { nothingMerges, RESTORES_LARGE_PAGES } from './shared/merge.ts';
import { onLeaf, onPage } from './shared/worlds.ts';

/** Whether a table is given back while a CPU's TLB may still lead to it: nothing was flushed since a merge. */
function freesTooEarly({ events }: Done): boolean {
  let unflushed = false;
  for (const event of events) {
    if (event.kind === 'collapse') unflushed = true;
    else if (event.kind === 'flush' && event.cpus === 'all' && event.pages === 'all') unflushed = false;
    else if (event.kind === 'freed' && event.table && unflushed) return true;
  }
  return false;
}

const merges = (done: Done | undefined) => done?.events.some(({ kind }) => kind === 'collapse') === true;

export const claim: Claim = {
  id: 'merged-tables-are-freed-after-the-flush',
  sentence:
    'When set_memory_rox() puts a large leaf together again, the page table is given back only after every CPU has dropped what it knew of it.',
  source: RESTORES_LARGE_PAGES,
  catalogue: ['P7'],
  notModelled: nothingMerges,
  world: () => ({
    leaf: '1G',
    calls: [onLeaf('set_memory_rox'), onPage('set_memory_rw')],
  }),
  listens: true,
  after: (done) =>
    freesTooEarly(done)
      ? { text: `${done.action.text} frees a page table, and flushes afterwards`, failure: 'F4' }
      : undefined,
  sometimes: [
    {
      text: 'the tables of a merge are given back',
      seen: (_, done) => merges(done) && done!.events.some((event) => event.kind === 'freed' && event.table),
    },
    {
      text: 'a 1G leaf comes of it',
      seen: ({ pages }, done) => merges(done) && pages[0]!.level === 3,
    },
  ],
};
