import { EBUSY } from '../../linux/errno.ts';
import type { Claim } from '../claim.ts';
import { endsWell, failedCall, isRefused, itsPages, onRange } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'set-memory-uc-error-restores-wb',
  sentence:
    'When set_memory_uc() or set_memory_wc() has failed, its pages are write-back, as their reservation is.',
  source: {
    who: 'this project',
    when: '2026',
    where:
      'set_memory_uc() of arch/x86/mm/pat/set_memory.c frees the reservation after an error, and goes no further',
  },
  catalogue: ['P3', 'P8'],
  world: () => ({ leaf: '1G', calls: [onRange('set_memory_uc'), onRange('set_memory_wc')] }),
  after({ action, returned }, { pages }) {
    const failed = failedCall(action, returned);
    const left = itsPages(action, pages).find(({ text }) => /PWT|PCD|PAT/.test(text));
    // Refused with -EBUSY, it has changed nothing: others have reserved the pages.
    if (failed === undefined || left === undefined || returned[0] === -EBUSY) return undefined;
    return { text: `${failed} in ${action.text}, and a page is "${left.text}"`, failure: 'F3' };
  },
  sometimes: [endsWell('set_memory_uc'), isRefused('set_memory_uc')],
};
