/** What __kernel_map_pages() promises, for the claims about it. */

import type { Done, Finding, State } from '../../claim.ts';
import { isOnly, itsPages } from './worlds.ts';

export function kernelMapPagesFailed(done: Done, { pages }: State): Finding | undefined {
  if (!isOnly(done, '__kernel_map_pages')) return undefined;
  const { action, died } = done;
  if (died !== undefined) return { text: `the machine dies in ${action.text}`, failure: 'F8' };
  const mine = itsPages(done.action, pages);
  if (isOnly(done, '__kernel_map_pages', 0)) {
    return mine.some(({ present }) => present)
      ? { text: `after ${action.text} a page is still present, and nobody can know`, failure: 'F1' }
      : undefined;
  }
  return mine.every(({ present, writable }) => present && writable)
    ? undefined
    : { text: `after ${action.text} a page is not present and writable, and nobody can know`, failure: 'F1' };
}
