/** A claim by its id: one of the catalogue, or the question behind a trace that `ask` gave. */

import { InputError } from '../errors.ts';
import { nearestNames } from '../scenario/nearest_names.ts';
import { askClaimNamed } from './ask.ts';
import type { Claim } from './claim.ts';
import { CLAIMS } from './claims/index.ts';

/** @throws InputError that names the nearest claims. */
export function findClaim(id: string, where: string): Claim {
  const found = CLAIMS.find((claim) => claim.id === id) ?? askClaimNamed(id);
  if (found !== undefined) return found;
  const known = nearestNames(
    id,
    CLAIMS.map((claim) => claim.id),
  );
  throw new InputError({ code: 'unknown-name', what: 'claim', where, found: id, known });
}
