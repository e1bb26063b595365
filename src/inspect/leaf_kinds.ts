/** What leaves allow, one object for each combination that there is: two stretches are alike if theirs are the same. */

import { describeProtection } from '../mmu/describe.ts';
import { type EntryFlags, type EntryFormat, Restriction } from '../mmu/format.ts';
import type { Run } from '../mmu/walk.ts';
import type { LeafAttributes, Stretch } from './address_space.ts';

/** Of leaves: a kernel has dozens, a page of random bits 512. */
export const MAX_KINDS = 2 ** 14;

export class LeafKinds {
  readonly #format: EntryFormat;
  readonly #tooMany: () => Error;
  readonly #attributes = new Map<number, LeafAttributes>();

  /** `tooMany` makes the error for more kinds than any kernel has. */
  constructor(format: EntryFormat, tooMany: () => Error) {
    this.#format = format;
    this.#tooMany = tooMany;
  }

  /** What a leaf with this entry allows, if the tables above it take `inherited` away. */
  attributesOf(level: number, low: number, high: number, present: boolean, inherited = 0): LeafAttributes {
    const flags = this.#format.flags(level, low, high);
    const taken = inherited & this.#allowed(level, flags);
    const key = (flags >>> 0) * 128 + level * 16 + taken * 2 + (present ? 1 : 0);
    let attributes = this.#attributes.get(key);
    if (attributes === undefined) {
      if (this.#attributes.size === MAX_KINDS) throw this.#tooMany();
      attributes = this.#describe(level, flags, low, high, present, taken);
      this.#attributes.set(key, attributes);
    }
    return attributes;
  }

  stretchOf(run: Run): Stretch {
    const { kind, address, pages, count, why, table, low, high, level, inherited } = run;
    const isLeaf = kind === 'leaf' || kind === 'not-present';
    return {
      kind,
      address,
      pages,
      count,
      frame: isLeaf ? run.frame : undefined,
      leaf: isLeaf ? this.attributesOf(level, low, high, kind === 'leaf', inherited) : undefined,
      why,
      entry: { table, low, high },
    };
  }

  /** What tables above a leaf can take from it, for it allows so much. */
  #allowed(level: number, flags: EntryFlags): number {
    const format = this.#format;
    return (
      (format.writable(level, flags) ? Restriction.NoWrite : 0) |
      (format.executable(level, flags) ? Restriction.NoExecute : 0) |
      (format.user(level, flags) ? Restriction.NoUser : 0)
    );
  }

  #describe(
    level: number,
    flags: EntryFlags,
    low: number,
    high: number,
    present: boolean,
    taken: number,
  ): LeafAttributes {
    const format = this.#format;
    const allowed = this.#allowed(level, flags) & ~taken;
    const writable = (allowed & Restriction.NoWrite) !== 0;
    const executable = (allowed & Restriction.NoExecute) !== 0;
    return {
      level,
      bytes: 2 ** format.levelShift(level),
      present,
      writable,
      executable,
      user: (allowed & Restriction.NoUser) !== 0,
      memoryType: format.memoryType(level, flags),
      names: format.describe(level, low, high).join(' '),
      access: describeProtection(format, level, flags, { writable, executable }),
      bits: format.attributes(level, low, high),
      mergeKey: `${format.mergeable(level, flags)} ${taken} ${present}`,
    };
  }
}
