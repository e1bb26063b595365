import type { Action, Claim, PageState } from '../claim.ts';
import { DEBUG_PAGEALLOC, onX86Only } from './shared/worlds.ts';

const on = (name: string, cpu: number) => ({ calls: [{ name }], on: 'first', cpus: [cpu] }) as const;

/** Whether the page is as the call has promised. */
function isKept({ calls }: Action, page: PageState): boolean {
  switch (calls[0]!.name) {
    case 'set_memory_x':
      return page.executable;
    case 'set_memory_nx':
      return !page.executable;
    case 'set_memory_np':
      return !page.present;
    default:
      return page.present;
  }
}

export const claim: Claim = {
  id: 'cpa-updates-are-not-lost',
  sentence:
    'With debug_pagealloc=on, two callers of CPA that change different bits of one entry do not undo each other.',
  source: {
    who: 'Rick Edgecombe',
    when: '26 Oct 2020',
    where:
      'review of the series: DEBUG_PAGEALLOC "even disables locking in cpa"; set_memory.c of v7.2, above __kernel_map_pages()',
  },
  catalogue: ['C16', 'S22'],
  notModelled: onX86Only('it is about CPA'),
  world: () => ({
    ...DEBUG_PAGEALLOC,
    cpus: 2,
    interleaved: true,
    calls: [on('set_memory_x', 0), on('set_memory_nx', 0), on('set_memory_np', 1), on('set_memory_p', 1)],
  }),
  remembers: true,
  always({ idle, last, pages }) {
    if (!idle) return undefined;
    const lost = last.find((action) => action !== undefined && !isKept(action, pages[0]!));
    return lost === undefined
      ? undefined
      : { text: `what ${lost.text} did is lost, and it returned 0`, failure: 'F9' };
  },
  sometimes: [
    {
      text: 'both have changed the entry',
      seen: ({ idle, last }) => idle && last.every((action) => action !== undefined),
    },
  ],
};
