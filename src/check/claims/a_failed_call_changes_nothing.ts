import type { Claim } from '../claim.ts';
import { endsWell, failedCall, isRefused, onRange, pageName, sameRights } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'a-failed-call-changes-nothing',
  sentence:
    'A set_memory_*() call that failed has changed the rights of no page: "so that the memory protections aren\'t left in a partial state".',
  source: {
    who: 'Kernel Self-Protection Project',
    when: '2019',
    where: 'https://github.com/KSPP/linux/issues/7, as a wish: "Add atomicity"',
  },
  catalogue: ['P3'],
  world: () => ({
    leaf: '1G',
    calls: [onRange('set_memory_ro'), onRange('set_memory_rw'), onRange('set_memory_np')],
  }),
  after({ action, returned, before }, { pages }) {
    const failed = failedCall(action, returned);
    if (failed === undefined) return undefined;
    const page = before.findIndex((each, i) => !sameRights(each, pages[i]!));
    return page < 0
      ? undefined
      : {
          text: `${failed} in ${action.text}, and ${pageName(page)} is "${pages[page]!.text}"`,
          failure: 'F3',
        };
  },
  sometimes: [isRefused('set_memory_np'), endsWell('set_memory_np')],
};
