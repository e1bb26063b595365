/** The parts of an address space. */

import type { VirtualAddress } from '../mmu/format.ts';
import type { DirectMap, Region } from './address_space.ts';

/** Bounds are told as the kernel has them: some as the last byte. */
const BOUND_STEP = 4096;

/** The regions in order, and what is between and beside them, from `start` to `end`, as "other". */
export function fillRegions(
  known: readonly Region[],
  start: VirtualAddress,
  end: VirtualAddress = 0,
): Region[] {
  const regions: Region[] = [];
  let at = start;
  for (const region of [...known].sort((a, b) => a.start - b.start)) {
    const from = Math.max(at, roundUp(region.start));
    const to = Math.min(end, roundUp(region.end));
    if (from >= to) continue;
    if (from > at) regions.push({ name: 'other', start: at, end: from });
    regions.push({ name: region.name, start: from, end: to });
    at = to;
  }
  if (at < end) regions.push({ name: 'other', start: at, end });
  return regions;
}

function roundUp(bound: VirtualAddress): VirtualAddress {
  return Math.ceil(bound / BOUND_STEP) * BOUND_STEP + 0;
}

/** The direct map as a region, if there is one. */
export function directMapRegion(directMap: DirectMap | undefined): Region[] {
  return directMap === undefined ? [] : [{ name: 'direct map', start: directMap.start, end: directMap.end }];
}
