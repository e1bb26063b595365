/**
 * A run that one can go back and forth in: everything that happened, in order, and the machine as it was after any of
 * it. Nothing is stored of the machine: it is taken back to its boot, and runs again up to where one wants to be.
 */

import { InputError } from '../errors.ts';
import type { KernelEvent } from '../linux/events.ts';
import type { Kernel, KernelMark } from '../linux/kernel.ts';
import type { ChangedWord } from '../memory/simulated_memory.ts';
import type { Program } from './ast.ts';
import { AS_WRITTEN, type Choices } from './choices.ts';
import { type Moment, MomentLog } from './moments.ts';
import type { Outcome, Step } from './outcome.ts';
import { type RunPosition, type RunWatcher, runScenario, type StartedOn } from './run.ts';

/** Events after which a run is given up: it would take minutes, and memory without end. */
const MAX_EVENTS = 3_000_000;

/** Pages that somebody has, from one moment to another. */
interface Holding {
  readonly pfn: number;
  readonly order: number;
  readonly table: boolean;
  readonly step: number;
  readonly from: number;
  until: number;
}

/** Whose some frames are. */
export interface OwnedFrames {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export class Recording {
  readonly outcome: Outcome;
  readonly moments: readonly Moment[];
  /** Whether more happened than `moments` tell. */
  readonly isCut: boolean;
  readonly kernel: Kernel;
  readonly #program: Program;
  readonly #start: StartedOn;
  readonly #choices: Choices;
  readonly #boot: KernelMark;
  readonly #holdings: readonly Holding[];

  /**
   * Runs it. The machine must have just booted, and is the recording's from now on.
   * @throws InputError with file, line and column, or where more happens than can be kept; NotModelledError
   */
  constructor(program: Program, start: StartedOn, choices: Choices = AS_WRITTEN) {
    this.#program = program;
    this.#start = start;
    this.#choices = choices;
    this.kernel = start.kernel;
    this.kernel.tlb = undefined;
    this.#boot = this.kernel.mark();
    const log = new MomentLog(this.kernel);
    const book = new HoldingLog(log);
    this.outcome = runScenario(program, start, { choices, watcher: book, keepJournal: true });
    this.moments = log.moments;
    this.isCut = log.isCut;
    this.#holdings = book.holdings;
  }

  /**
   * The machine when the first `moments` of the run have happened, and before the next one: 0 is the boot. With it the
   * words that the call of the last of them has changed so far.
   */
  seek(moments: number): { kernel: Kernel; changed: ChangedWord[] } {
    const { kernel } = this;
    kernel.tlb = undefined;
    kernel.undo(this.#boot);
    kernel.cpu = 0;
    kernel.interleaved = false;
    // What happens between two moments and is not told belongs to the first.
    const next = this.moments[moments];
    const end = next === undefined && !this.isCut ? Number.POSITIVE_INFINITY : (next?.at ?? 0);
    const watcher = new StopAt(kernel, end);
    try {
      runScenario(this.#program, this.#start, { choices: this.#choices, watcher, keepJournal: true });
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
    }
    const mark = watcher.begunAt(this.moments[moments - 1]?.step ?? 0);
    return { kernel, changed: mark === undefined ? [] : kernel.memory.changedSince(mark) };
  }

  /** The moment at which the call of a moment begins, as `seek` takes it: everything before it has happened. */
  beginningOf(moments: number): number {
    const step = this.moments[moments - 1]?.step;
    const begins = this.moments.findIndex((moment) => moment.kind === 'call' && moment.step === step);
    return begins < 0 ? 0 : begins;
  }

  /** Who was given which frames in the run, and has them still at a moment, by frame. */
  ownersAt(moments: number): OwnedFrames[] {
    const now = this.moments[moments - 1]?.at ?? -1;
    return this.#holdings
      .filter(({ from, until }) => from <= now && now < until)
      .map(({ pfn, order, table, step }) => ({
        start: pfn,
        end: pfn + 2 ** order,
        text: `${table ? 'page table' : 'pages'} of step ${step}${this.#callOf(step)}`,
      }))
      .sort((a, b) => a.start - b.start);
  }

  #callOf(step: number): string {
    const call = this.outcome.steps[step - 1]?.call;
    return call === undefined ? '' : `: ${call}`;
  }
}

class Stopped extends Error {}

/** Ends a run before the thing with a number happens. */
class StopAt implements RunWatcher {
  readonly #kernel: Kernel;
  readonly #at: number;
  /** Where memory's journal stood when each step began. */
  readonly #marks = new Map<number, number>();
  #count = 0;

  constructor(kernel: Kernel, at: number) {
    this.#kernel = kernel;
    this.#at = at;
  }

  begunAt(step: number): number | undefined {
    return this.#marks.get(step);
  }

  callBegins({ step }: Step): void {
    this.#next();
    this.#marks.set(step, this.#kernel.memory.mark());
  }

  callEnds(): void {
    this.#next();
  }

  event(): void {
    this.#next();
  }

  #next(): void {
    if (this.#count++ >= this.#at) throw new Stopped();
  }
}

/** Passes everything on, keeps book of who has which frames, and ends a run in which too much happens. */
class HoldingLog implements RunWatcher {
  readonly holdings: Holding[] = [];
  readonly #log: MomentLog;
  readonly #held = new Map<number, Holding>();
  readonly #steps = new Map<number, number>();
  #count = 0;

  constructor(log: MomentLog) {
    this.#log = log;
  }

  callBegins(step: Step): void {
    this.#count++;
    this.#steps.set(step.cpu, step.step);
    this.#log.callBegins(step);
  }

  callEnds(step: Step): void {
    this.#count++;
    this.#log.callEnds(step);
  }

  event(event: KernelEvent, position: RunPosition): void {
    if (this.#count++ >= MAX_EVENTS) throw tooMuch();
    if (event.kind === 'allocated') this.#allocated(event);
    else if (event.kind === 'freed') this.#freed(event);
    this.#log.event(event, position);
  }

  #allocated({ pfn, order, table, cpu }: Extract<KernelEvent, { kind: 'allocated' }>): void {
    const step = this.#steps.get(cpu) ?? 0;
    const holding = { pfn, order, table, step, from: this.#count - 1, until: Number.POSITIVE_INFINITY };
    this.#held.set(pfn, holding);
    this.holdings.push(holding);
  }

  #freed({ pfn }: Extract<KernelEvent, { kind: 'freed' }>): void {
    const holding = this.#held.get(pfn);
    if (holding === undefined) return;
    holding.until = this.#count - 1;
    this.#held.delete(pfn);
  }
}

function tooMuch(): InputError {
  return new InputError({
    code: 'out-of-range',
    what: 'number of events of the run',
    where: '',
    found: `more than ${MAX_EVENTS}`,
    expected: `at most ${MAX_EVENTS} in a run that is recorded; directmap run has no such limit`,
  });
}
