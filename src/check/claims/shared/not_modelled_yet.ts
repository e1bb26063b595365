/** Claims about what is not modelled yet: they are listed, with their reason, and no verdict is made up. */

import type { Claim } from '../../claim.ts';

export function notModelledYet(
  claim: Pick<Claim, 'id' | 'sentence' | 'source' | 'catalogue'>,
  because: string,
): Claim {
  return {
    ...claim,
    notModelled: () => because,
    world: () => ({ leaf: '2M', calls: [] }),
    sometimes: [],
  };
}
