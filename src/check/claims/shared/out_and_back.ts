/** A page out of the direct map and back by its owner, who reads it after each, in worlds where CPUs interleave. */

import type { Done, Finding, Pattern } from '../../claim.ts';

export const OUT_AND_BACK: Pattern = {
  calls: [
    { name: 'set_direct_map_invalid_noflush' },
    { name: 'copy_from_kernel_nofault' },
    { name: 'set_direct_map_default_noflush' },
    { name: 'copy_from_kernel_nofault' },
  ],
  on: 'page',
  exclusive: true,
};

/** The machine died, or an edit that returned 0 has no effect. */
export function editIsLost({ action, died, returned }: Done): Finding | undefined {
  if (died !== undefined) return { text: died.text, failure: 'F9' };
  const [out, readOut, back, readBack] = returned;
  const lost = (out === 0 && readOut === 0) || (back === 0 && readBack !== 0);
  return lost ? { text: `an edit of ${action.text} is lost, and it returned 0`, failure: 'F9' } : undefined;
}
