/** What a scenario did, as data: the schema behind `--json`, and what the printers print. */

export const OUTCOME_SCHEMA = 'directmap-run/1';

/** A run of entries of one level that changed alike. */
export interface EntryChange {
  /** "PMD", "PTE", ... */
  level: string;
  /** What one entry maps, e.g. "2M". */
  size: string;
  /** First virtual address, "0xffff888102000000". */
  address: string;
  count: number;
  /** The first entry before and after, and what it means. */
  before: { word: string; text: string };
  after: { word: string; text: string };
  /** What came of it: a leaf became a table, the reverse, or only bits changed. */
  effect: 'split' | 'collapse' | 'changed';
  /** The entries belong to a table that this step made. */
  inNewTable: boolean;
}

/** An allocation that the world refused. */
export interface Refusal {
  /** "page table", or "page" for anything else. */
  what: string;
  /** For a table: what it was to split, e.g. "2M leaf at 0xffff888102000000". */
  purpose: string;
}

export interface Step {
  step: number;
  cpu: number;
  line: number;
  column: number;
  /** The call as written. */
  call: string;
  /** As the kernel returned it, in C: "0", "-ENOMEM", "pfn 0x102000", "void"; undefined if it never returned. */
  returned: string | undefined;
  /** The same as a number, where there is one. */
  value: number | undefined;
  changes: EntryChange[];
  refused: Refusal[];
  /** Allocations asked for, tables or not. */
  allocations: number;
  splits: { level: string; address: string }[];
  collapses: { level: string; address: string }[];
  flushes: { cpus: 'all' | 'local'; pages: number | 'all' }[];
  /** Console lines, WARNs included. */
  messages: string[];
  /** Rules broken that this kernel, as built, does not report. */
  unreported: { option: string; text: string }[];
  /** An access that only a stale translation let pass. */
  staleAccess: boolean;
  /** How the machine died in this step. */
  died: string | undefined;
  /** Set if the step stood in expect(). */
  expected: { value: string; met: boolean } | undefined;
  /** Pages of the request that are not as the call promises although it returned 0, with an example. */
  notAsPromised: { pages: number; of: number; example: string } | undefined;
}

/** What one CPU did between two points at which another might have come in. */
export interface InterleavedStep {
  /** Counts from 1, over all CPUs, in the order in which they went. */
  step: number;
  cpu: number;
  /** What the CPU was about to do: "start", "read PTE 0x...", "write PTE 0x...", "flush", "lock cpa_lock". */
  point: string;
  /** In words, one line each, in order. */
  did: string[];
}

/** One interleave() of the script, as it ran. */
export interface Interleaving {
  line: number;
  /** How many CPUs took part, from CPU 0 on. */
  cpus: number;
  steps: InterleavedStep[];
}

/** Somebody who looks at the machine and is told something other than what the tables say. */
export interface Disagreement {
  observer: string;
  says: string;
  tables: string;
  because: string;
}

/** What the run cost, in countables. */
export interface Cost {
  splits: Record<string, number>;
  collapses: Record<string, number>;
  tablesAllocated: number;
  tablesFreed: number;
  flushesOfAll: number;
  flushesOfPages: number;
  localFlushes: number;
  /** Leaves of the direct map by size, before and after. */
  leavesBefore: Record<string, number>;
  leavesAfter: Record<string, number>;
}

export interface Outcome {
  schema: typeof OUTCOME_SCHEMA;
  scenario: string;
  title: string[];
  arch: string;
  kernel: string;
  machine: string;
  /** "the model" or the dump that the run started on. */
  startedOn: string;
  boot: string;
  /** Boot parameters that the model does not know. */
  ignoredParameters: string[];
  steps: Step[];
  interleavings: Interleaving[];
  /** stopped: the choices made a call return NULL, and the script goes on with what it returned. */
  ended: 'finished' | 'died' | 'stopped';
  expectationsFailed: number;
  disagreements: Disagreement[];
  cost: Cost;
}
