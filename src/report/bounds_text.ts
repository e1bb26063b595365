/** What an exploration covered, in words: no verdict is printed without. */

import type { Bounds } from '../check/claim.ts';
import type { WorldFacts } from '../check/jobs.ts';
import { counted, grouped } from './wrap.ts';

/** What was tried: "any sequence of these calls on the 4 pages of a 2M leaf, ...". */
export function spaceText(bounds: Bounds, world: WorldFacts): string {
  const { interleaved, cpus, refusals, geometry } = bounds;
  const order = interleaved ? 'any interleaving' : 'any sequence';
  const parts = [
    `${order} of these calls on ${pagesText(bounds, world)}, in tables of ${2 ** geometry} entries`,
    refusals === 'any' ? 'any allocation refused' : 'no allocation refused',
    cpusText(cpus, interleaved),
  ];
  if (world.tlb) parts.push('stale translations used until they are flushed');
  return parts.join('; ');
}

function pagesText({ pages, geometry }: Bounds, { leaf }: WorldFacts): string {
  const real = { '4K': 2 ** geometry, '2M': 2 ** geometry, '1G': 2 ** (2 * geometry) }[leaf];
  const whole =
    leaf === '4K' ? `${real} pages in 4K entries` : `the ${grouped(real)} pages of a ${leaf} leaf`;
  return real === pages ? whole : `${pages} places in ${whole}`;
}

function cpusText(cpus: number, interleaved: boolean): string {
  if (cpus === 1) return '1 CPU';
  return interleaved
    ? `${cpus} CPUs, interleaved at every lock, entry and flush`
    : `${cpus} CPUs, taking turns between calls`;
}

/** What the kernel was built and booted with, if the claim or the user says. */
export function buildText({ config, boot }: WorldFacts): string {
  const options = Object.entries(config).map(([name, value]) => `CONFIG_${name}=${value}`);
  const parts = options.length === 0 ? [] : [`built with ${options.join(' ')}`];
  if (boot !== '') parts.push(`booted with "${boot}"`);
  return parts.join(', ');
}

/** How far it got: "1,312 states, exhausted, ...". `found` if what was looked for ended it. */
export function coverageText(bounds: Bounds, found: boolean): string {
  const { states, exhausted, depth, interleaved } = bounds;
  if (found) return `found after ${counted(states, 'state')}`;
  const far = `at most ${counted(depth, interleaved ? 'step' : 'call')} from the first`;
  if (!exhausted) return `${counted(states, 'state')} seen, not exhausted, ${far}`;
  // Nothing is left to be reached: what was seen of short runs goes for long ones.
  return `${counted(states, 'state')}, exhausted (any length), ${far}; ${collisionsText(bounds)}`;
}

/** A state is known by its hash. */
function collisionsText({ collisions }: Bounds): string {
  if (collisions === 0) return 'no hash collision possible';
  return `chance of a hash collision < 1e${Math.floor(Math.log10(collisions)) + 1}`;
}
