/** Claims about what set_memory_rox() puts together again. */

import type { KernelBuild } from '../../../linux/call.ts';
import { hasChange } from '../../../linux/changes.ts';
import type { Source } from '../../claim.ts';

export const RESTORES_LARGE_PAGES: Source = {
  who: 'Kirill A. Shutemov',
  when: '2025',
  where: '41d88484c71c ("x86/mm/pat: restore large ROX pages after fragmentation") (v6.15)',
};

/** Why nothing can be said of merging on a kernel that has none. */
export function nothingMerges({ version, has }: KernelBuild): string | undefined {
  return hasChange(has, 'cpa-collapse')
    ? undefined
    : `nothing merges in ${version.name}: it lacks the change cpa-collapse`;
}
