/** What is wrong, or worth knowing, in an address space. */

import type { VirtualAddress } from '../../mmu/format.ts';

export type Severity = 'error' | 'warning' | 'note';

/** Every rule, with why it is one. The order is that of reports. */
export const RULES = {
  'writable-executable': {
    severity: 'error',
    why: 'who can write there can run what he wrote',
  },
  'text-writable': {
    severity: 'error',
    why: 'kernel text can be changed through another address of its frames',
  },
  'user-access': {
    severity: 'error',
    why: 'user space may access kernel memory',
  },
  'wrong-frame': {
    severity: 'error',
    why: 'the direct map is linear: an address in it stands for one frame, and here leads to another',
  },
  'reserved-bits': {
    severity: 'error',
    why: 'the CPU faults on such an entry, whatever the access',
  },
  cycle: {
    severity: 'error',
    why: 'a table names itself or one above it: the walk of these addresses does not end at a page',
  },
  'table-outside-memory': {
    severity: 'error',
    why: 'an entry names a table at a physical address where the source has no memory',
  },
  'alias-memory-type': {
    severity: 'warning',
    why: 'one frame is cached in two ways: x86 forbids it, elsewhere who uses it must flush',
  },
  'large-not-present': {
    severity: 'warning',
    why: 'to map one page of it again it must be split, which needs a page for a table and can fail',
  },
  'alias-executable': {
    severity: 'warning',
    why: 'one frame is writable by one address and executable by another',
  },
  'table-missing': {
    severity: 'note',
    why: 'a table was left out of the source: what it maps is not known',
  },
  'not-present': {
    severity: 'note',
    why: 'a page inside the direct map that the kernel itself cannot access there',
  },
  'alias-read-only': {
    severity: 'note',
    why: 'a frame that is read-only by one address can be written by another',
  },
} as const satisfies Record<string, { severity: Severity; why: string }>;

export type RuleName = keyof typeof RULES;

export const RULE_NAMES = Object.keys(RULES) as RuleName[];

/** A part of the address space that a rule is broken in. */
export interface Place {
  readonly address: VirtualAddress;
  /** In base pages. */
  readonly pages: number;
  /** The first frame, where there is one. */
  readonly frame: number | undefined;
  /** What is there: "4K rw x". */
  readonly what: string;
}

export interface Finding {
  readonly rule: RuleName;
  readonly severity: Severity;
  readonly why: string;
  /** Base pages in all. */
  readonly pages: number;
  /** Where: `places.length` of `count`, those that were found first. The direct map comes last. */
  readonly places: readonly Place[];
  readonly count: number;
}

/** Places that a finding names. */
const MAX_PLACES = 64;

/** Findings while they are found. */
export class Findings {
  readonly #found = new Map<RuleName, { pages: number; places: Place[]; count: number }>();

  /** `pages` of a place, which is asked for only if it is among those that are named: there may be millions. */
  add(rule: RuleName, pages: number, place: () => Place): void {
    let found = this.#found.get(rule);
    if (found === undefined) {
      found = { pages: 0, places: [], count: 0 };
      this.#found.set(rule, found);
    }
    found.pages += pages;
    found.count++;
    if (found.places.length < MAX_PLACES) found.places.push(place());
  }

  /** In the order of the rules. */
  list(): Finding[] {
    return RULE_NAMES.flatMap((rule) => {
      const found = this.#found.get(rule);
      return found === undefined ? [] : [{ rule, ...RULES[rule], ...found }];
    });
  }
}
