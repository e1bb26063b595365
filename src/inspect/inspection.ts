/** A source as it was inspected: what it is, and all that is told of its address space. */

import type { AddressSpace, LeafAttributes } from './address_space.ts';
import type { KernelCounters } from './counters.ts';
import { type Origin, originsOf } from './explain/origins.ts';
import type { Machine } from './machine.ts';
import type { PtdumpSpace } from './ptdump/ptdump.ts';
import { type Survey, survey } from './survey/survey.ts';

/** How many tables there are, from the leaves up. */
export interface TableCount {
  readonly levelName: string;
  readonly tables: number;
  readonly bytes: number;
}

/** In base pages: address space whose tables are missing, how much of it is in the direct map, and what of that was seen. */
export interface Missing {
  readonly pages: number;
  readonly directMapPages: number;
  readonly directMapSeen: number;
}

export interface Inspection {
  /** As the user named it. */
  readonly source: string;
  /** "ELF core", "ptdump text of x86". */
  readonly kind: string;
  readonly leftOut: string | undefined;
  readonly release: string | undefined;
  /** "x86_64, 4-level". */
  readonly format: string;
  /** Physical address of the top table; undefined where the source is no memory. */
  readonly root: number | undefined;
  readonly space: AddressSpace;
  readonly survey: Survey;
  /** Who leaves leaves that are not present in the direct map, where their bits tell. */
  readonly origins: ReadonlyMap<LeafAttributes, readonly Origin[]>;
  readonly tables: readonly TableCount[];
  readonly counters: KernelCounters | undefined;
  /** What told where the top table is. */
  readonly rootFrom: string | undefined;
  /** How the rest was found, and what that rests on. */
  readonly found: readonly string[];
  readonly doubts: readonly string[];
  readonly missing: Missing | undefined;
  /** What maps memory where no table does. */
  readonly windows: string | undefined;
  /** Which leaves `linearLeaves` counts: on x86 those not present too, as the recordings of real kernels do. */
  readonly countsNotPresent: boolean;
}

/** Leaves above base pages are looked for up to this size: what Linux maps memory with. */
const LARGEST_LEAF = 2 ** 34;
/** Kinds of leaves that are traced to whoever leaves them: garbage in place of tables has as many as entries. */
const MAX_KINDS = 64;

export function inspectMachine(machine: Machine, source: string, counters?: KernelCounters): Inspection {
  const { format, located, memory } = machine;
  const surveyed = survey(machine, largeLeaves(machine));
  return {
    source,
    kind: memory.kind,
    leftOut: memory.leftOut,
    release: machine.version?.release,
    format: format.name,
    root: located.root,
    space: machine,
    survey: surveyed,
    origins: originsIn(machine, surveyed),
    tables: tableCounts(machine),
    counters,
    rootFrom: located.rootFrom,
    found: located.found,
    doubts: [...located.doubts, ...doubtsOf(machine, surveyed)],
    missing: missingIn(surveyed),
    windows: located.windows,
    countsNotPresent: located.countsNotPresent,
  };
}

/** What a text does not have stays open: `leftOut` says so. */
export function inspectText(space: PtdumpSpace, source: string): Inspection {
  const sizes = new Set<number>();
  for (const { leaf } of space.stretches()) {
    if (leaf !== undefined && leaf.bytes > space.pageBytes && leaf.bytes <= LARGEST_LEAF)
      sizes.add(leaf.bytes);
  }
  const surveyed = survey(
    space,
    [...sizes].sort((a, b) => a - b),
  );
  return {
    source,
    kind: `ptdump text of ${space.arch}`,
    leftOut: space.notTold.join(', ') || undefined,
    release: undefined,
    format: space.arch,
    root: undefined,
    rootFrom: undefined,
    space,
    survey: surveyed,
    origins: new Map(),
    tables: [],
    counters: undefined,
    found: [],
    doubts: [],
    missing: missingIn(surveyed),
    windows: undefined,
    countsNotPresent: false,
  };
}

/** What is likely to be wrong with the question, not with the machine. */
function doubtsOf({ memory, located, directMap }: Machine, { findings }: Survey): string[] {
  const doubts: string[] = [];
  if (located.directMapWithin !== undefined && directMap === undefined) {
    doubts.push(
      'no direct map was found: is this the top table of the kernel, and memory where it is taken to be (--root, --page-offset, --phys-base)?',
    );
  }
  if (memory.kind === 'raw memory' && findings.some(({ rule }) => rule === 'table-outside-memory')) {
    doubts.push(
      'tables lie where this file has no memory: RAM has holes that a file has not, and --phys-base says where its pieces belong',
    );
  }
  return doubts;
}

function largeLeaves({ format }: Machine): number[] {
  const sizes: number[] = [];
  for (let level = 2; level < format.levels; level++) {
    const bytes = 2 ** format.levelShift(level);
    if (bytes <= LARGEST_LEAF) sizes.push(bytes);
  }
  return sizes;
}

function originsIn(machine: Machine, { directMap }: Survey): Map<LeafAttributes, Origin[]> {
  const absent = directMap?.leaves.filter(({ leaf }) => !leaf.present) ?? [];
  return new Map(absent.slice(0, MAX_KINDS).map(({ leaf }) => [leaf, originsOf(machine, leaf, directMap)]));
}

function tableCounts({ format, tableCounts: counts }: Machine): TableCount[] {
  return counts.flatMap((tables, level) => {
    if (level === 0) return [];
    return [{ levelName: format.levelName(level), tables, bytes: tables * 8 * 2 ** format.indexBits(level) }];
  });
}

/** What could not be seen, as tables of it are not in the source. */
function missingIn({ regions, directMap }: Survey): Missing | undefined {
  const pages = regions.reduce((sum, { missingPages }) => sum + missingPages, 0);
  if (pages === 0) return undefined;
  const seen = directMap?.leaves.reduce((sum, leaf) => sum + leaf.pages, 0) ?? 0;
  return { pages, directMapPages: directMap?.missingPages ?? 0, directMapSeen: seen };
}
