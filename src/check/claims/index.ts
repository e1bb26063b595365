/** Every claim, in the order in which they are listed. */

import type { Claim } from '../claim.ts';
import { claim as cpaUpdatesAreNotLost } from './cpa_updates_are_not_lost.ts';
import { claim as noLargeNpLeaf } from './no_large_np_leaf.ts';
import { claim as remapOf4kNpCannotFail } from './remap_of_4k_np_cannot_fail.ts';

export const CLAIMS: readonly Claim[] = [remapOf4kNpCannotFail, noLargeNpLeaf, cpaUpdatesAreNotLost];
