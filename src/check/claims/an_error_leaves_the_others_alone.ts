import type { Claim } from '../claim.ts';
import { changedBeside, failedCall, onRange, pageName } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'an-error-leaves-the-others-alone',
  sentence: 'A call that failed has left the rights of every page outside of its range as they were.',
  source: { who: 'this project', when: '2026', where: 'property P3' },
  catalogue: ['P3'],
  world: () => ({
    leaf: '1G',
    calls: [onRange('set_memory_ro'), onRange('set_memory_np')],
  }),
  after({ action, returned, before }, { pages }) {
    const failed = failedCall(action, returned);
    if (failed === undefined) return undefined;
    const page = changedBeside(action, before, pages);
    return page < 0
      ? undefined
      : {
          text: `${failed} in ${action.text}, and ${pageName(page)} is "${pages[page]!.text}"`,
          failure: 'F3',
        };
  },
  sometimes: [
    {
      text: 'a call fails at its first split',
      seen: (_, done) => (done?.returned[0] ?? 0) < 0 && done!.allocations === 1,
    },
    {
      text: 'a call fails after it has split a leaf',
      seen: ({ pages }, done) =>
        (done?.returned[0] ?? 0) < 0 && done!.before.some(({ level }, i) => level !== pages[i]!.level),
    },
  ],
};
