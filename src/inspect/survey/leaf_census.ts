/** Counting leaves by size and by what they say. */

import type { LeafAttributes, Stretch } from '../address_space.ts';

export interface LeafCount {
  readonly leaf: LeafAttributes;
  /** Entries. */
  count: number;
  /** Base pages. */
  pages: number;
}

export class LeafCensus {
  readonly #counts = new Map<LeafAttributes, LeafCount>();

  /** Counts a stretch of leaves; anything else is nothing to count. */
  add({ leaf, count, pages }: Stretch): void {
    if (leaf === undefined) return;
    const counted = this.#counts.get(leaf);
    if (counted === undefined) this.#counts.set(leaf, { leaf, count, pages });
    else {
      counted.count += count;
      counted.pages += pages;
    }
  }

  /** The largest leaves first, present ones before others, then by number. */
  get counts(): readonly LeafCount[] {
    return [...this.#counts.values()].sort(
      (a, b) =>
        b.leaf.bytes - a.leaf.bytes ||
        Number(b.leaf.present) - Number(a.leaf.present) ||
        b.count - a.count ||
        (a.leaf.names < b.leaf.names ? -1 : 1),
    );
  }
}

/** How many leaves there are by their bytes, and then by their entry's bits without the frame, in hexadecimal. */
export type LeavesByBits = Record<string, Record<string, number>>;

/** Those for which `include` holds, the smallest leaves first. Without those whose bits the source does not show. */
export function leavesByBits(
  counts: readonly LeafCount[],
  include: (leaf: LeafAttributes) => boolean,
): LeavesByBits {
  const found: LeavesByBits = {};
  const order = (a: LeafCount, b: LeafCount) =>
    a.leaf.bytes - b.leaf.bytes || ((a.leaf.bits ?? 0n) < (b.leaf.bits ?? 0n) ? -1 : 1);
  for (const { leaf, count } of [...counts].sort(order)) {
    if (leaf.bits === undefined || !include(leaf)) continue;
    const bits = `0x${leaf.bits.toString(16)}`;
    const ofSize = found[leaf.bytes] ?? {};
    ofSize[bits] = (ofSize[bits] ?? 0) + count;
    found[leaf.bytes] = ofSize;
  }
  return found;
}
