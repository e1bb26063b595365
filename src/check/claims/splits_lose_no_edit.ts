import { promiseOf } from '../../scenario/promises.ts';
import type { Action, Claim, PageState } from '../claim.ts';
import { dies, itsPages, onLeaf, onX86Only } from './shared/worlds.ts';

const isKept = (action: Action, pages: readonly PageState[]) =>
  itsPages(action, pages).every((page) => promiseOf(action.calls[0]!.name)?.kept(page) !== false);

export const claim: Claim = {
  id: 'splits-lose-no-edit',
  sentence:
    'When one CPU changes a large leaf as a whole while another splits it for one page, both get what they asked for.',
  source: {
    who: 'this project',
    when: '2026',
    where: 'cpa_lock and pgd_lock of set_memory.c',
  },
  catalogue: ['S22', 'C16'],
  notModelled: onX86Only('it is about CPA'),
  world: () => ({
    leaf: '2M',
    geometry: 1,
    cpus: 2,
    interleaved: true,
    memoryIsPlenty: true,
    calls: [
      ...['set_memory_x', 'set_memory_nx'].map((name) => ({ ...onLeaf(name), cpus: [0] })),
      ...['set_memory_np', 'set_memory_p'].map((name) => ({
        calls: [{ name }],
        on: 'first' as const,
        cpus: [1],
      })),
    ],
  }),
  remembers: true,
  always({ idle, last, pages }) {
    if (!idle) return undefined;
    const lost = last.find((action) => action !== undefined && !isKept(action, pages));
    return lost === undefined
      ? undefined
      : { text: `what ${lost.text} did is lost, and it returned 0`, failure: 'F9' };
  },
  after: dies,
  sometimes: [
    {
      text: 'both have changed the leaf, which is split',
      seen: ({ idle, last, pages }) =>
        idle && last.every((action) => action !== undefined) && pages[0]!.level === 1,
    },
  ],
};
