/**
 * Exploration where CPUs take turns between calls: from each state every action, with every subset of its allocations
 * refused, breadth first. The first finding has the fewest calls, and among those the fewest refusals.
 *
 * A state is not stored: the machine goes there from the state before it by taking back the calls that are not on the
 * way (the journals) and making those that are.
 */

import type { Action, Choice, Claim, Done, Finding, Sometimes, State } from '../claim.ts';
import type { CheckedMachine, MachineMark } from '../machine/machine.ts';
import { type Fingerprint, Fingerprinter } from './fingerprint.ts';
import { VisitedStates } from './visited.ts';

/** Allocations of one action that may each be refused or not. Those after are granted, which is no exhaustion. */
const CHOICE_BITS = 16;
const MAX_CHOSEN = CHOICE_BITS;
const MAX_ACTIONS = 2 ** 12;
const MAX_CPUS = 2 ** 4;
const CPU_SHIFT = 28;

export interface Limits {
  states: number;
  seconds: number;
  bytes: number;
}

export interface Progress {
  states: number;
  transitions: number;
  /** States that wait to be looked at. */
  frontier: number;
  bytes: number;
}

export interface Exploration {
  states: number;
  transitions: number;
  depth: number;
  exhausted: boolean;
  /** Why not, if not. */
  limit: string | undefined;
  bytes: number;
  collisions: number;
  /** Which of `sometimes` came true. */
  seen: SeenSometimes;
  refutation: { finding: Finding; choices: Choice[] } | undefined;
}

/** A finding that does not end the exploration: how it was come by first, and how often it was. */
export interface Collected {
  finding: Finding;
  choices: Choice[];
  times: number;
}

/** Whom to tell how far it is, now and then. Returns true to stop. */
export type OnProgress = (progress: Progress) => boolean;

/** Which limit an exploration has reached that began at `started`, as `performance.now()` has it; undefined if none. */
export function limitReached(
  limits: Limits,
  started: number,
  progress: Progress,
  onProgress: OnProgress | undefined,
): string | undefined {
  if (progress.states > limits.states) return `more than ${limits.states} states`;
  if (progress.bytes > limits.bytes) return `more than ${Math.round(limits.bytes / 2 ** 20)} MiB`;
  if (performance.now() - started > limits.seconds * 1000) return `more than ${limits.seconds} s`;
  return onProgress?.(progress) === true ? 'interrupted' : undefined;
}

/** Which of the interesting states have been reached. */
export class SeenSometimes {
  readonly texts = new Set<string>();
  /** Whether any action asked for memory, while something was missing. */
  asked = false;
  /** Whether any action changed how a page is mapped, likewise. */
  changed = false;
  #missing: readonly Sometimes[];

  constructor(sometimes: readonly Sometimes[]) {
    this.#missing = sometimes;
  }

  /** Whether all have been, so that nobody need look. */
  get complete(): boolean {
    return this.#missing.length === 0;
  }

  look(state: State, done: Done | undefined): void {
    if (done !== undefined) {
      this.asked ||= done.allocations > 0;
      this.changed ||= state.pages.some((page, i) => page !== done.before[i]);
    }
    this.#missing = this.#missing.filter((each) => {
      if (!each.seen(state, done)) return true;
      this.texts.add(each.text);
      return false;
    });
  }
}

/** If `collect` is given, findings of `after` are put there, by their text, and the exploration goes on. */
export function explore(
  claim: Claim,
  machine: CheckedMachine,
  limits: Limits,
  onProgress?: OnProgress,
  collect?: Map<string, Collected>,
): Exploration {
  return new Explorer(claim, machine, limits, onProgress, collect).run();
}

class Explorer {
  readonly #claim: Claim;
  readonly #machine: CheckedMachine;
  readonly #limits: Limits;
  readonly #onProgress: OnProgress | undefined;
  readonly #collect: Map<string, Collected> | undefined;
  readonly #visited = new VisitedStates();
  readonly #fingerprinter: Fingerprinter;
  readonly #hash: Fingerprint = { low: 0, high: 0 };
  readonly #seen: SeenSometimes;
  #transitions = 0;
  /** Some action asked for memory more often than is tried. */
  #cut = false;
  #refutation: Exploration['refutation'];
  readonly #turns: readonly { action: Action; index: number; cpu: number }[];
  /** The states on the way to where the machine is, with the marks to go back to them. */
  readonly #path: { state: number; mark: MachineMark }[] = [];
  readonly #started = performance.now();

  constructor(
    claim: Claim,
    machine: CheckedMachine,
    limits: Limits,
    onProgress: OnProgress | undefined,
    collect: Map<string, Collected> | undefined,
  ) {
    this.#collect = collect;
    this.#claim = claim;
    this.#machine = machine;
    this.#limits = limits;
    this.#onProgress = onProgress;
    this.#fingerprinter = new Fingerprinter(machine);
    this.#seen = new SeenSometimes(claim.sometimes);
    if (machine.actions.length >= NO_ACTION || machine.cpus > MAX_CPUS) {
      throw new Error(`claim ${claim.id}: more than ${MAX_ACTIONS} actions or ${MAX_CPUS} CPUs`);
    }
    this.#turns = machine.actions.flatMap((action, index) =>
      action.cpus.map((cpu) => ({ action, index, cpu })),
    );
  }

  run(): Exploration {
    const machine = this.#machine;
    this.#path.push({ state: 0, mark: machine.mark() });
    this.#fingerprinter.take(this.#hash);
    this.#visited.add(this.#hash.low, this.#hash.high, 0, 0);
    this.#seen.look(machine, undefined);
    const wrong = this.#claim.always?.(machine);
    if (wrong !== undefined) this.#refutation = { finding: wrong, choices: [] };

    let next = 0;
    let limit: string | undefined;
    while (next < this.#visited.count && this.#refutation === undefined) {
      limit = (next & 0xf) === 0 ? this.#limitReached(next) : undefined;
      if (limit !== undefined) break;
      this.#goTo(next);
      this.#expand(next);
      next++;
    }
    machine.undo(this.#path[0]!.mark);
    if (this.#cut && !machine.world.memoryIsPlenty)
      limit ??= `of an action only the first ${MAX_CHOSEN} allocations are refused`;
    return {
      states: this.#visited.count,
      transitions: this.#transitions,
      depth: this.#visited.depth(this.#visited.count - 1),
      exhausted: next === this.#visited.count && limit === undefined,
      limit,
      bytes: this.#visited.bytes,
      collisions: this.#visited.collisionProbability,
      seen: this.#seen,
      refutation: this.#refutation,
    };
  }

  #limitReached(next: number): string | undefined {
    const { count, bytes } = this.#visited;
    const progress = { states: count, transitions: this.#transitions, frontier: count - next, bytes };
    return limitReached(this.#limits, this.#started, progress, this.#onProgress);
  }

  // ---- from state to state

  #goTo(state: number): void {
    const way: number[] = [];
    let at = state;
    while (!this.#isOnPath(at, this.#visited.depth(at))) {
      way.push(at);
      at = this.#visited.parent(at);
    }
    const depth = this.#visited.depth(at);
    this.#machine.undo(this.#path[depth]!.mark);
    this.#path.length = depth + 1;
    for (const each of way.reverse()) {
      this.#choose(this.#visited.choice(each));
      this.#path.push({ state: each, mark: this.#machine.mark() });
    }
  }

  #isOnPath(state: number, depth: number): boolean {
    return this.#path[depth]?.state === state;
  }

  #choose(code: number): void {
    const { action, cpu, refused } = decodeChoice(code, this.#machine.actions);
    this.#machine.run(action, cpu, (n) => refused.includes(n));
  }

  #expand(state: number): void {
    const before = stateBefore(this.#claim, this.#machine);
    const mark = this.#path[this.#path.length - 1]!.mark;
    for (const { action, index, cpu } of this.#turns) {
      if (!this.#machine.enabled(action)) continue;
      for (let refused: number | undefined = 0; refused !== undefined; ) {
        const result = this.#machine.run(action, cpu, refuses(refused), this.#claim.listens);
        this.#transitions++;
        if (result.allocations > MAX_CHOSEN) this.#cut = true;
        this.#judge(state, encodeChoice(cpu, index, refused), { ...result, ...before });
        this.#machine.undo(mark);
        if (this.#refutation !== undefined) return;
        refused = this.#machine.world.memoryIsPlenty ? undefined : nextSubset(refused, result.allocations);
      }
    }
  }

  #judge(state: number, code: number, done: Done): void {
    const machine = this.#machine;
    const wrong = this.#claim.after?.(done, machine);
    if (wrong !== undefined) {
      if (this.#collect === undefined) {
        this.#refutation = { finding: wrong, choices: this.#choicesTo(state, code) };
        return;
      }
      const known = this.#collect.get(wrong.text);
      if (known !== undefined) known.times++;
      else this.#collect.set(wrong.text, { finding: wrong, choices: this.#choicesTo(state, code), times: 1 });
    }
    if (done.died !== undefined) return;
    this.#fingerprinter.take(this.#hash);
    const isNew = this.#visited.add(this.#hash.low, this.#hash.high, state, code);
    if (isNew) {
      const broken = this.#claim.always?.(machine);
      if (broken !== undefined) {
        const choices = this.#choicesTo(state, code);
        this.#refutation = { finding: broken, choices };
      }
    }
    if (!this.#seen.complete) this.#seen.look(machine, done);
  }

  #choicesTo(state: number, code: number): Choice[] {
    return [...this.#visited.pathTo(state), code].map((each) => decodeChoice(each, this.#machine.actions));
  }
}

// ---- choices as numbers: 4 bits of CPU, 12 of action, 16 of refusals

export function encodeChoice(cpu: number, action: number, refused: number): number {
  return ((cpu << CPU_SHIFT) | (action << CHOICE_BITS) | refused) >>> 0;
}

/** In the place of an action: a CPU goes on. */
export const NO_ACTION = MAX_ACTIONS - 1;

/** Where CPUs are interleaved: with the action that a CPU begins, or none if it goes on. */
export function decodeStep(code: number, actions: readonly Action[]): Choice {
  const { cpu, refused } = decodeChoice(code, actions);
  const action = actions[(code >>> CHOICE_BITS) & (MAX_ACTIONS - 1)];
  return action === undefined ? { cpu, refused } : { cpu, action, refused };
}

export function decodeChoice(code: number, actions: readonly Action[]): Required<Choice> {
  const refused: number[] = [];
  for (let bit = 0; bit < MAX_CHOSEN; bit++) if ((code & (1 << bit)) !== 0) refused.push(bit + 1);
  return { cpu: code >>> CPU_SHIFT, action: actions[(code >>> CHOICE_BITS) & (MAX_ACTIONS - 1)]!, refused };
}

/** What `after` is told of the state in which an action begins. */
export function stateBefore(claim: Claim, state: State): Pick<Done, 'before' | 'driftBefore'> {
  return claim.counts === true
    ? { before: state.pages, driftBefore: driftOf(state) }
    : { before: state.pages };
}

/** What the kernel has counted less what the tables have, by level. */
export function driftOf(state: State): number[] {
  const leaves = state.countLeaves();
  return state.counted.map((count, level) => count - (leaves[level] ?? 0));
}

function refuses(set: number): (allocation: number) => boolean {
  return (allocation) => allocation <= MAX_CHOSEN && (set & (1 << (allocation - 1))) !== 0;
}

/**
 * The next way to answer: after a run that was asked `asked` times with `refused` answered no, the last question so far
 * granted is refused, and the later ones are asked anew. Undefined when all have been tried.
 */
function nextSubset(refused: number, asked: number): number | undefined {
  for (let question = Math.min(asked, MAX_CHOSEN) - 1; question >= 0; question--) {
    if ((refused & (1 << question)) === 0) return (refused & ((1 << question) - 1)) | (1 << question);
  }
  return undefined;
}
