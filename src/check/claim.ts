/**
 * The checker's ideas on one screen. A claim is a sentence about a kernel; a world says which calls may happen and
 * what may go wrong; an exploration tries everything that the world allows; a trace is the list of choices that led
 * somewhere; a verdict never comes without its bounds.
 */

import type { KernelBuild } from '../linux/call.ts';
import type { Death, KernelEvent } from '../linux/events.ts';
import type { Features } from '../linux/machine.ts';
import type { EntryFlags } from '../mmu/format.ts';

/** Who said it, when and where. */
export interface Source {
  readonly who: string;
  readonly when: string;
  /** A mail, a comment in the sources with its file, or a commit. */
  readonly where: string;
}

export interface Claim {
  /** In words with hyphens, as on the command line. */
  readonly id: string;
  /** As it was said, in quotation marks, or in our words. */
  readonly sentence: string;
  readonly source: Source;
  /** Catalogue numbers: C1 to C17 (needs), P1 to P10 (properties), K1 to K12 (the thread), S1... (scenarios). */
  readonly catalogue: readonly string[];
  /** Why it cannot be asked of this kernel, if it cannot. */
  notModelled?(build: KernelBuild): string | undefined;
  /** In which surroundings it is said to hold. */
  world(build: KernelBuild): World;
  /** What must be so in every state. Returns what is wrong. */
  always?(state: State): Finding | undefined;
  /** What must be so whenever a call has ended, or the machine died in it. */
  after?(done: Done, state: State): Finding | undefined;
  /** `always` looks at what each CPU did last. */
  readonly remembers?: boolean;
  /** `after` looks at events; an exploration without them is faster. */
  readonly listens?: boolean;
  /** `after` looks at how far the counters were off before. */
  readonly counts?: boolean;
  /** Interesting states that must have been reached, so that no proof is empty. */
  readonly sometimes: readonly Sometimes[];
}

export interface Sometimes {
  readonly text: string;
  /** A function that a kernel must have for the claim to be about it. */
  readonly about?: string;
  /** Functions without all of which it cannot be. */
  readonly by?: readonly string[];
  /** `done` is missing for the first state. */
  seen(state: State, done: Done | undefined): boolean;
}

/** The surroundings: a machine, what is done on it, and what may go wrong. */
export interface World {
  /** What maps the pages that are explored, at first. They are all that one such leaf maps. */
  readonly leaf: '4K' | '2M' | '1G';
  readonly calls: readonly Pattern[];
  /** 1 if not given. */
  readonly cpus?: number;
  /** CPUs change places within calls, too, not only between them. */
  readonly interleaved?: boolean;
  /** No allocation is ever refused. */
  readonly memoryIsPlenty?: boolean;
  /** CPUs may go on using a translation until a flush that covers it. */
  readonly tlb?: boolean;
  /** The kernel must be built or booted so, e.g. `DEBUG_PAGEALLOC: 'y'`, 'debug_pagealloc=on'. */
  readonly config?: Readonly<Record<string, 'y' | 'n'>>;
  readonly boot?: string;
  /** What the machine must have, by the architecture's names. */
  readonly features?: Features;
  /** Index bits per level, 1 to 3; if not given 2, or 1 for a 1G leaf. */
  readonly geometry?: number;
  /** It needs hardware's geometry: where NULL is no address of the tables, for one. */
  readonly fullSize?: boolean;
  /** No call tells one page from another but by what maps it, so that pages may change places. */
  readonly pagesAlike?: boolean;
  /** Calls made before the exploration begins, with memory to be had. */
  readonly first?: readonly Pattern[];
  /** The explored pages are free at first: whoever allocates gets them. Otherwise the callers own them. */
  readonly pagesFree?: boolean;
}

/** A call, or several in a row, on every part of the explored pages that `on` says. */
export interface Pattern {
  readonly calls: readonly PatternCall[];
  /**
   * page: each page alone; range: every run of pages; leaf: all at once; first: the first page; none: on no page.
   */
  readonly on: 'page' | 'range' | 'leaf' | 'first' | 'none';
  /** CPUs that may do it; all if not given. */
  readonly cpus?: readonly number[];
  /** Nobody else works on these pages meanwhile: the caller owns them. */
  readonly exclusive?: boolean;
}

export interface PatternCall {
  /** A kernel function, by its name. */
  readonly name: string;
  /** Arguments beside address or page and number of pages, in the function's order. Text names what was kept. */
  readonly with?: readonly (number | string)[];
  /** Its address or page argument is what was kept under this name, not an explored page. */
  readonly at?: string;
  /** Its first argument is a number of pages: as many as the action is on. */
  readonly sized?: boolean;
  /** What it returns is kept under this name, of which there is one at a time. */
  readonly keep?: string;
  /** What was kept is forgotten. */
  readonly forget?: string;
}

/** A pattern applied: what one CPU does in one go. */
export interface Action {
  readonly calls: readonly PatternCall[];
  /** Explored pages, by index. */
  readonly first: number;
  readonly pages: number;
  readonly cpus: readonly number[];
  readonly exclusive: boolean;
  readonly text: string;
}

/**
 * A point where the world decided. With `action` an idle CPU begins it; without, a CPU goes on to its next point where
 * another may run. Where CPUs take turns between calls only, an action runs to its end.
 */
export interface Choice {
  readonly cpu: number;
  readonly action?: Action;
  /** Which of the allocations made meanwhile were refused, counted from 1. */
  readonly refused: readonly number[];
}

/** What happens meanwhile, as the model tells it. */
export type Event = KernelEvent;

/** How one page is mapped in the direct map. Equal mappings are the same object. */
export interface PageState {
  /** 1: 4K; 2: 2M; 3: 1G; 0: no entry. */
  readonly level: number;
  readonly flags: EntryFlags;
  readonly present: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
  /** The frame that the entry names, less the one that it should name. */
  readonly frameOffset: number;
  /** The flags in words: "P RW A D G NX". */
  readonly text: string;
}

/** A machine that one looks at. */
export interface State {
  /** The explored pages. */
  readonly pages: readonly PageState[];
  /** Whether every CPU is between two calls. */
  readonly idle: boolean;
  /** What each CPU did last, where CPUs are interleaved. */
  readonly last: readonly (Action | undefined)[];
  /** Whether `cpu` can read, or write, the page now: through its TLB or the tables. */
  canAccess(cpu: number, page: number, write: boolean): boolean;
  /** What the kernel's own predicate says of a page. */
  kernelPagePresent(page: number): boolean;
  /** The number of 4K, 2M and 1G leaves that the kernel has counted in the direct map, from index 1. */
  readonly counted: readonly number[];
  /** The same, as the tables have them. */
  countLeaves(): readonly number[];
}

/** A call that has ended. */
export interface Done {
  readonly cpu: number;
  readonly action: Action;
  /** By call of the action that returned: its value, undefined for void and NULL. */
  readonly returned: readonly (number | undefined)[];
  readonly allocations: number;
  readonly refused: number;
  readonly died: Death | undefined;
  readonly events: readonly Event[];
  /** The explored pages before it began. */
  readonly before: readonly PageState[];
  /** What the kernel had counted less what the tables had, before it began, by level, if the claim `counts`. */
  readonly driftBefore?: readonly number[];
}

/** Nine ways an edit goes wrong. */
export type FailureClass = 'F1' | 'F2' | 'F3' | 'F4' | 'F5' | 'F6' | 'F7' | 'F8' | 'F9';

export const FAILURE_CLASSES: Readonly<Record<FailureClass, string>> = {
  F1: 'a page-table page was not to be had',
  F2: 'a guard declined, and returned 0',
  F3: 'half done, then an error',
  F4: 'the entry changed, a stale translation remains',
  F5: 'an alias was not changed',
  F6: 'the shape was not understood, and 0 returned',
  F7: 'an observer is told something else',
  F8: 'a legal edit in an illegal context',
  F9: 'somebody else was at work there',
};

/** What contradicts a claim. */
export interface Finding {
  readonly text: string;
  readonly failure: FailureClass;
}

/** A start and the choices from there: replays exactly. */
export interface Trace {
  readonly claim: string;
  /** If it is not the usual one. */
  readonly arch?: string;
  /** As `parseKernelVersion` takes it. */
  readonly kernel: string;
  readonly geometry: number;
  readonly choices: readonly Choice[];
}

/** What an exploration covered. */
export interface Bounds {
  readonly geometry: number;
  readonly pages: number;
  readonly calls: readonly string[];
  readonly cpus: number;
  readonly interleaved: boolean;
  readonly refusals: 'any' | 'none';
  readonly states: number;
  readonly transitions: number;
  /** Choices on the longest of the shortest paths. */
  readonly depth: number;
  /** Every state that the world can reach was seen. */
  readonly exhausted: boolean;
  /** Why not, if not. */
  readonly limit?: string;
  /** How likely it is that two states had one hash, so that one was not looked at. */
  readonly collisions: number;
  readonly seconds: number;
  readonly bytesPerState: number;
}

/**
 * holds: every state was seen, none contradicts the claim, and what makes that worth something was among them.
 * refuted: with a trace. undecided: a limit was reached, or what the claim is about was never seen.
 * not modelled: never guessed.
 */
export type Verdict = 'holds' | 'refuted' | 'undecided' | 'not modelled';
