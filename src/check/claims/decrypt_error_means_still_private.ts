import { errnoText } from '../../linux/errno.ts';
import type { Claim, PageState } from '../claim.ts';
import { endsWell, isOnly, isRefused, itsPages, onRange } from './shared/worlds.ts';

const isPrivate = ({ text }: PageState) => text.split(' ').includes('C');

export const claim: Claim = {
  id: 'decrypt-error-means-still-private',
  sentence: 'If set_memory_decrypted() fails, the pages are still private, and may be freed.',
  source: {
    who: 'Rick Edgecombe, against callers that "are all over the place"',
    when: 'Oct 2023',
    where: 'cover letter of "Handle set_memory_XXcrypted() errors"',
  },
  catalogue: ['C11', 'S51', 'P3'],
  world: () => ({
    leaf: '1G',
    features: { encryption_bit: 47 },
    calls: [onRange('set_memory_decrypted'), onRange('set_memory_encrypted')],
  }),
  after(done, { pages }) {
    if (!isOnly(done, 'set_memory_decrypted') || (done.returned[0] ?? 0) === 0) return undefined;
    const before = itsPages(done.action, done.before);
    const shared = itsPages(done.action, pages).some((page, i) => isPrivate(before[i]!) && !isPrivate(page));
    return shared
      ? {
          text: `${done.action.text} returned ${errnoText(done.returned[0] ?? 0)}, and a page is shared`,
          failure: 'F3',
        }
      : undefined;
  },
  sometimes: [endsWell('set_memory_decrypted'), isRefused('set_memory_decrypted')],
};
