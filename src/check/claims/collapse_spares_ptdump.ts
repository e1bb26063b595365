import type { Claim, Pattern } from '../claim.ts';
import { nothingMerges } from './shared/merge.ts';
import { dies, onLeaf } from './shared/worlds.ts';

/** A 2M leaf that is read-only and executable, and is split for a page, and put together again. */
export const SPLIT_AND_MERGE = {
  leaf: '2M',
  geometry: 1,
  cpus: 2,
  interleaved: true,
  first: [onLeaf('set_memory_rox')],
} as const;

const onFirst = (name: string, cpu: number): Pattern => ({ calls: [{ name }], on: 'first', cpus: [cpu] });

/** The first CPU splits and merges, the other calls `name`. */
export function splitAndMergeBeside(name: string): Pattern[] {
  return [onFirst('set_memory_nx', 0), onFirst('set_memory_rox', 0), onFirst(name, 1)];
}

export const claim: Claim = {
  id: 'collapse-spares-ptdump',
  sentence: 'No page table is freed while /sys/kernel/debug/page_tables/kernel is read from it.',
  source: {
    who: 'this project',
    when: '2026',
    where: 'cpa_collapse_large_pages() of set_memory.c: "Avoid a use-after-free if raced by ptdump"',
  },
  catalogue: ['P7'],
  notModelled: nothingMerges,
  world: () => ({ ...SPLIT_AND_MERGE, calls: splitAndMergeBeside('ptdump_walk_pgd') }),
  after: dies,
  sometimes: [
    {
      text: 'a page table is read',
      seen: (_, done) => done?.action.calls[0]?.name === 'ptdump_walk_pgd' && done.returned[0] === 1,
    },
    {
      text: 'a large leaf is read',
      seen: (_, done) => done?.action.calls[0]?.name === 'ptdump_walk_pgd' && done.returned[0] === 2,
    },
  ],
};
