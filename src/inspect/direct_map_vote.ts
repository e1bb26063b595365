/** Finds the direct map in what is mapped: it is what most memory is mapped by at one and the same offset. */

import type { PageSource } from '../memory/physical_memory.ts';
import type { EntryFormat, VirtualAddress } from '../mmu/format.ts';
import { type AddressRange, type Run, walk } from '../mmu/walk.ts';
import type { DirectMap } from './address_space.ts';

/** Offsets that are counted at a time: vmalloc has one for each of its pages. */
const MAX_OFFSETS = 2 ** 18;

/** Entries that make no sense, beyond which tables are none. */
const MAX_BAD = 64;

/** Every architecture puts its direct map so that leaves of 1M at least could map it. */
const DIRECT_MAP_STEP = 2 ** 20;

interface Count {
  pages: number;
  start: VirtualAddress;
  end: VirtualAddress;
}

export class DirectMapVote {
  readonly #pageBytes: number;
  readonly #within: AddressRange | undefined;
  readonly #only: number | undefined;
  readonly #step: number;
  readonly #counts = new Map<number, Count>();

  /** Offsets of leaves `within` are counted that are multiples of `step`, or only `offset` if that is known. */
  constructor(
    pageBytes: number,
    within: AddressRange | undefined,
    offset?: VirtualAddress,
    step: number = DIRECT_MAP_STEP,
  ) {
    this.#pageBytes = pageBytes;
    this.#within = within;
    this.#only = offset;
    this.#step = step;
  }

  add({ kind, address, frame, pages }: Run): void {
    if (kind !== 'leaf' && kind !== 'not-present') return;
    if (this.#within === undefined || address < this.#within.start || address >= this.#within.end) return;
    const offset = address - frame * this.#pageBytes;
    if (this.#only !== undefined ? offset !== this.#only : offset % this.#step !== 0) return;
    const end = address + pages * this.#pageBytes;
    const count = this.#counts.get(offset);
    if (count !== undefined) {
      count.pages += pages;
      count.end = end;
      return;
    }
    if (this.#counts.size === MAX_OFFSETS) this.#forgetSmall();
    this.#counts.set(offset, { pages, start: address, end });
  }

  /** undefined where nothing was counted. */
  winner(): DirectMap | undefined {
    let best: DirectMap | undefined;
    let most = 0;
    for (const [offset, { pages, start, end }] of this.#counts) {
      if (pages <= most) continue;
      most = pages;
      best = { offset, start, end };
    }
    return best;
  }

  /** Base pages at the offset that leads. */
  get pages(): number {
    let most = 0;
    for (const { pages } of this.#counts.values()) most = Math.max(most, pages);
    return most;
  }

  /** Half of the map at least goes: those below its mean. */
  #forgetSmall(): void {
    let sum = 0;
    for (const { pages } of this.#counts.values()) sum += pages;
    const mean = sum / this.#counts.size;
    for (const [offset, { pages }] of this.#counts) if (pages <= mean) this.#counts.delete(offset);
  }
}

/**
 * How much of a range is mapped at the offset at which most of it is, in bytes: a measure of how well a format fits, and
 * so the less the more entries make no sense.
 */
export function directMapSize(
  tables: PageSource,
  format: EntryFormat,
  root: number,
  range: AddressRange,
): number {
  const vote = new DirectMapVote(2 ** format.pageShift, range);
  let bad = 0;
  for (const run of walk(tables, format, root, { range, sharedOnce: true, maxTables: 4096 })) {
    vote.add(run);
    // Of a table that is not in the source all entries are one.
    if (run.kind === 'bad') bad += run.count;
    if (run.kind === 'missing') bad++;
  }
  return bad > MAX_BAD ? 0 : (vote.pages * 2 ** format.pageShift) / (1 + bad);
}
