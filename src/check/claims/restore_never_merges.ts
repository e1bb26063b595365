import type { Claim, Done } from '../claim.ts';
import { onRange, PRESENCE } from './shared/worlds.ts';

/** Calls that collapse leaves, if any do. */
const COLLAPSES = 'set_memory_rox';

const restores = (done: Done) => done.action.calls[0]!.name !== COLLAPSES;

export const claim: Claim = {
  id: 'restore-never-merges',
  sentence:
    'Restoring pages does not merge page table entries to a higher level: "By looking at the callchain in x86 at least, I can\'t see how it would."',
  source: { who: 'Nikita Kalyazin', when: 'Jan 2026', where: 'review of guest_memfd direct map removal, v9' },
  catalogue: ['C13'],
  world: () => ({
    leaf: '2M',
    geometry: 1,
    calls: [...PRESENCE, onRange('set_memory_rw'), onRange('set_memory_nx'), onRange(COLLAPSES)],
  }),
  after(done, { pages }) {
    if (!restores(done)) return undefined;
    const merged = pages.some(({ level }, i) => level > done.before[i]!.level);
    return merged ? { text: `${done.action.text} made a larger leaf`, failure: 'F6' } : undefined;
  },
  sometimes: [
    {
      text: 'the last page of a split leaf comes back, and all are mapped alike again',
      by: ['set_memory_np', 'set_direct_map_invalid_noflush'],
      seen: ({ pages }, done) => done !== undefined && restores(done) && areAlike(pages, done),
    },
  ],
};

function areAlike(pages: Done['before'], { before }: Done): boolean {
  return (
    before.some(({ present }) => !present) &&
    pages.every((page) => page === pages[0] && page.level === 1 && page.present)
  );
}
