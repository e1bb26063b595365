/** A claim by its id: one of the catalogue, or the question behind a trace that `ask` gave. */

import { InputError } from '../errors.ts';
import { nearestNames } from '../scenario/nearest_names.ts';
import { askClaimNamed } from './ask.ts';
import type { Claim } from './claim.ts';
import { CLAIMS } from './claims/index.ts';

/** Names like an unknown one that are told. */
const MAX_NEAR = 4;

/** @throws InputError that names the claims most like it. */
export function findClaim(id: string, where: string): Claim {
  const found = CLAIMS.find((claim) => claim.id === id) ?? askClaimNamed(id);
  if (found !== undefined) return found;
  const ids = CLAIMS.map((claim) => claim.id);
  const known = [...nearestNames(id, ids).slice(0, MAX_NEAR), '... (directmap claims lists all)'];
  throw new InputError({ code: 'unknown-name', what: 'claim', where, found: id, known });
}
