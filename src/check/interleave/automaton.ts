/**
 * What a call does between two points where other CPUs may run, learnt from the model and remembered.
 *
 * A kernel function is a generator, and a generator cannot be copied or taken back. But what it does next depends only
 * on what it has seen: so a place in a call is a node, named by all that was read on the way there, and a step from it
 * is a decision tree over what the step reads, with what it writes and the next node at its leaves. A leaf that is
 * missing is found out by running the model: the call is begun anew, shown again all that it saw, and goes one step
 * further. Everything after that is table look-up.
 *
 * Steps are learnt as CPU 0 takes them on page 0, and used for every CPU and, where pages are alike, every page.
 */

import { NotModelledError } from '../../errors.ts';
import type { Death } from '../../linux/events.ts';
import type { Lock } from '../../linux/kernel/locking/lock.ts';
import type { Point, Task } from '../../linux/task.ts';
import type { Action, Event } from '../claim.ts';
import { NamedFrames } from '../machine/frames.ts';
import type { CheckedMachine } from '../machine/machine.ts';
import { Cells, FREE, THEIRS } from './cells.ts';
import type { WatchedMemory } from './watched_memory.ts';

/** Questions to the world that one step may ask. */
const MAX_ASKED = 8;
/** Steps of one call: more is a call that two CPUs keep each other from ending. */
const MAX_STEPS = 400;
/** Node numbers are kept in 16 bits. */
const MAX_NODES = 2 ** 16 - 2;

/** A decision in a step: what a cell holds, or whether an allocation is granted. */
export interface Test {
  readonly kind: 'cell' | 'ask';
  readonly cell: number;
  readonly next: (Test | Effect | undefined)[];
}

export interface Effect {
  readonly kind: 'effect';
  /** Pairs of cell and value. */
  readonly writes: readonly number[];
  /** Every cell read or written. */
  readonly accesses: readonly number[];
  /** Where the call is then; undefined if it has ended, or the machine has died. */
  readonly next: Node | undefined;
  /** It waits for a lock that another CPU holds: nothing has happened. */
  readonly blocked: boolean;
  readonly died: Death | undefined;
  /** Of the whole action up to here. */
  readonly returned: readonly (number | undefined)[];
  readonly events: readonly Event[];
  readonly allocations: number;
  readonly refused: number;
  /** Cells of the notes on page tables that were read or written: none may have been given back. */
  readonly notes: readonly number[];
}

interface Observed {
  cell: number;
  value: number;
}

export interface Node {
  readonly number: number;
  readonly action: Action;
  /** How it got here. */
  readonly from: Node | undefined;
  readonly saw: readonly Observed[];
  readonly answers: readonly number[];
  readonly depth: number;
  /** The events, allocations and refusals of the action so far. */
  readonly events: readonly Event[];
  readonly allocations: number;
  readonly refused: number;
  /** The lock that it is about to ask for, if it is. */
  readonly lock: string | undefined;
  root: Test | Effect | undefined;
}

/** What a step is learnt from: the value of each cell as CPU 0 would see it on page 0. */
export type View = (cell: number) => number;

export class Automaton {
  readonly cells: Cells;
  readonly nodes: Node[] = [];
  readonly #machine: CheckedMachine;
  readonly #memory: WatchedMemory;
  readonly #base: ReturnType<CheckedMachine['kernel']['mark']>;
  /** Where the journals of what has no cells stand. */
  readonly #hidden: readonly number[];
  #watch: Watch | undefined;

  constructor(machine: CheckedMachine) {
    const { kernel } = machine;
    this.#machine = machine;
    this.#memory = kernel.memory as WatchedMemory;
    this.#base = kernel.mark();
    this.#hidden = hiddenMarks(kernel);
    const keeps = machine.actions.some(({ calls }) =>
      calls.some(({ keep, at }) => (keep ?? at) !== undefined),
    );
    if (keeps) throw new NotModelledError('values kept where CPUs are interleaved', 'they have no cell');
    if (kernel.tlb !== undefined) {
      throw new NotModelledError(
        'TLBs where CPUs are interleaved',
        'a claim about TLBs is checked between calls',
      );
    }
    this.cells = new Cells(machine);
    for (const lock of kernel.locks) {
      if ('owner' in lock) this.#watchField(lock, 'owner');
      else for (const field of ['writer', 'readers'] as const) this.#watchField(lock, field);
    }
  }

  /** Tells of each use of a lock's field. */
  #watchField<L extends Lock, F extends keyof L & string>(lock: L, field: F): void {
    let value = lock[field];
    const cell = () => this.cells.cellOfLock(lock, field === 'readers' ? 'readers' : 'holder');
    Object.defineProperty(lock, field, {
      configurable: true,
      enumerable: true,
      get: () => {
        this.#watch?.readsCell(cell());
        return value;
      },
      set: (to: L[F]) => {
        this.#watch?.writesCell(cell());
        value = to;
      },
    });
  }

  /** The node at which an action begins. */
  start(action: Action): Node {
    const node: Node = {
      number: this.nodes.length,
      action,
      from: undefined,
      saw: [],
      answers: [],
      depth: 0,
      events: [],
      allocations: 0,
      refused: 0,
      lock: undefined,
      root: undefined,
    };
    this.nodes.push(node);
    return node;
  }

  /**
   * Adds to `node` what it does where it sees `view` and its allocations are answered by `answers` as far as they
   * reach, by "granted" beyond. Returns the machine to its first state.
   */
  learn(node: Node, view: View, answers: readonly number[]): void {
    const { kernel } = this.#machine;
    kernel.interleaved = true;
    kernel.cpu = 0;
    const task = this.#again(node);
    for (let cell = 0; cell < this.cells.count; cell++) this.cells.poke(cell, view(cell));
    const watch = new Watch(this.cells);
    this.#memory.watcher = {
      reads: (address) => watch.reads(address),
      writes: (address) => watch.writes(address),
    };
    this.#watch = watch;
    const step = advance(task, answers, watch);
    this.#memory.watcher = undefined;
    this.#watch = undefined;
    const died = kernel.death;
    if (died === undefined) this.#refuseHidden(node.action, step.point === undefined);
    const written = watch.written(this.cells);
    kernel.undo(this.#base);
    kernel.interleaved = false;
    const unknown = watch.unknown;
    // A word never met before had its first value: it has a cell from now on, and the step is learnt with it.
    for (const address of unknown) this.cells.cellOfAddress(address);
    if (unknown.size > 0) this.learn(node, view, answers);
    else this.#add(node, watch, written, step, died, this.#eventsOf(node, view, answers));
  }

  /** State that has no cells must not change: other steps would not see it. */
  #refuseHidden(action: Action, ended: boolean): void {
    const { kernel } = this.#machine;
    const changed = hiddenMarks(kernel).some((mark, i) => mark !== this.#hidden[i]);
    if (!changed && !(ended && (kernel.irqs_disabled[0] !== 0 || kernel.system_state !== 'RUNNING'))) return;
    const because = 'it changes more than page tables and locks';
    throw new NotModelledError(`${action.text} where CPUs are interleaved`, because);
  }

  /** What is to be heard in the same step. Apart, because who listens makes the model read more. */
  #eventsOf(node: Node, view: View, answers: readonly number[]): Event[] {
    const { kernel } = this.#machine;
    kernel.interleaved = true;
    const task = this.#again(node);
    for (let cell = 0; cell < this.cells.count; cell++) this.cells.poke(cell, view(cell));
    const events: Event[] = [];
    kernel.listen((event) => events.push(event));
    advance(task, answers, undefined);
    kernel.listen(undefined);
    kernel.undo(this.#base);
    kernel.interleaved = false;
    return events;
  }

  /** The call begun anew and brought to `node`. */
  #again(node: Node): Task<readonly (number | undefined)[]> {
    const way: Node[] = [];
    for (let at: Node | undefined = node; at?.from !== undefined; at = at.from) way.push(at);
    const task = this.#machine.task(node.action);
    for (const each of way.reverse()) {
      for (const { cell, value } of each.saw) this.cells.poke(cell, value);
      advance(task, each.answers, undefined);
    }
    return task;
  }

  #add(
    node: Node,
    watch: Watch,
    written: Observed[],
    step: Advance,
    died: Death | undefined,
    events: Event[],
  ): void {
    if (node.depth >= MAX_STEPS) {
      throw new NotModelledError('a call that does not end', `it has taken ${MAX_STEPS} steps`);
    }
    const saw = watch.decisions.flatMap((each) => (each.kind === 'cell' ? [each] : []));
    const answers = watch.decisions.flatMap((each) => (each.kind === 'ask' ? [each.value] : []));
    const lock =
      step.point?.kind === 'preemption' && step.point.at === 'lock' ? String(step.point.what) : undefined;
    const blocked =
      node.lock !== undefined && lock === node.lock && written.length === 0 && isWaiting(this.cells, saw);
    const refused = node.refused + answers.filter((answer) => answer === 0).length;
    const allocations = node.allocations + answers.length;
    const allEvents = events.length === 0 ? node.events : [...node.events, ...events];
    let next: Node | undefined;
    if (this.nodes.length === MAX_NODES) {
      throw new NotModelledError(
        'so large a world with interleaving',
        `more than ${MAX_NODES} places in calls`,
      );
    }
    if (!blocked && step.point?.kind === 'preemption') {
      next = {
        number: this.nodes.length,
        action: node.action,
        from: node,
        saw,
        answers,
        depth: node.depth + 1,
        events: allEvents,
        allocations,
        refused,
        lock,
        root: undefined,
      };
      this.nodes.push(next);
    }
    const accesses = [...new Set([...saw.map(({ cell }) => cell), ...written.map(({ cell }) => cell)])];
    const effect: Effect = {
      kind: 'effect',
      writes: written.flatMap(({ cell, value }) => [cell, value]),
      accesses,
      next,
      blocked,
      died,
      returned: step.returned,
      events: allEvents,
      allocations,
      refused,
      notes: this.#notesOn(accesses),
    };
    insert(node, watch.decisions, effect);
  }

  /** The cells of the notes on the page tables among what was accessed, if the step itself does not write them. */
  #notesOn(accesses: readonly number[]): number[] {
    const notes = new Set<number>();
    for (const cell of accesses) {
      const address = this.cells.addressOf(cell);
      if (address === undefined || NamedFrames.frameOfNote(address) !== undefined) continue;
      const frame = Math.floor(address / this.cells.page_size);
      if (this.cells.isWatchedTable(frame)) notes.add(this.cells.cellOfAddress(NamedFrames.noteOn(frame)));
    }
    return [...notes].filter((note) => !accesses.includes(note));
  }
}

/** Of what the cells do not have. Which frames are page tables, their notes tell. */
function hiddenMarks({ hiddenState }: CheckedMachine['kernel']): number[] {
  return hiddenState.filter(({ name }) => name !== 'flags').map((part) => part.mark());
}

type Decision = { kind: 'cell'; cell: number; value: number } | { kind: 'ask'; value: number };

/** What one step reads and writes. */
class Watch {
  readonly decisions: Decision[] = [];
  /** Words without a cell so far. */
  readonly unknown = new Set<number>();
  readonly #cells: Cells;
  readonly #known = new Set<number>();
  readonly #written = new Set<number>();

  constructor(cells: Cells) {
    this.#cells = cells;
  }

  reads(address: number): void {
    const cell = this.#cells.knownAddress(address);
    if (cell === undefined) this.unknown.add(address);
    else this.readsCell(cell);
  }

  writes(address: number): void {
    const cell = this.#cells.knownAddress(address);
    if (cell === undefined) this.unknown.add(address);
    else this.writesCell(cell);
  }

  readsCell(cell: number): void {
    if (this.#known.has(cell)) return;
    this.#known.add(cell);
    this.decisions.push({ kind: 'cell', cell, value: this.#quietly(cell) });
  }

  writesCell(cell: number): void {
    this.#known.add(cell);
    this.#written.add(cell);
  }

  asks(answer: number): void {
    this.decisions.push({ kind: 'ask', value: answer });
  }

  written(cells: Cells): Observed[] {
    return [...this.#written].map((cell) => ({ cell, value: cells.peek(cell) }));
  }

  /** The value, without being told of the reading of it. */
  #quietly(cell: number): number {
    return this.#cells.peek(cell);
  }
}

interface Advance {
  point: Point | undefined;
  returned: readonly (number | undefined)[];
}

/** Resumes a task up to its next preemption point, its end, or the machine's. */
function advance(
  task: Task<readonly (number | undefined)[]>,
  answers: readonly number[],
  watch: Watch | undefined,
): Advance {
  let asked = 0;
  let step = task.next(0);
  while (step.done !== true) {
    const point = step.value;
    if (point.kind !== 'allocation') return { point, returned: [] };
    if (asked === MAX_ASKED)
      throw new NotModelledError('a step with so many allocations', `more than ${MAX_ASKED}`);
    const answer = answers[asked++] ?? 1;
    watch?.asks(answer);
    step = task.next(answer);
  }
  return { point: undefined, returned: step.value };
}

function isWaiting(cells: Cells, saw: readonly Observed[]): boolean {
  return saw.some(({ cell, value }) => (cells.isHolder(cell) ? value === THEIRS : value !== FREE));
}

/** Puts an effect into a node's tree, under the decisions that lead to it. */
function insert(node: Node, decisions: readonly Decision[], effect: Effect): void {
  const testOf = (decision: Decision): Test =>
    decision.kind === 'cell'
      ? { kind: 'cell', cell: decision.cell, next: [] }
      : { kind: 'ask', cell: -1, next: [] };
  const leafOr = (i: number): Test | Effect => (i < decisions.length ? testOf(decisions[i]!) : effect);
  node.root ??= leafOr(0);
  let at = node.root;
  decisions.forEach((decision, i) => {
    const test = at as Test;
    test.next[decision.value] ??= leafOr(i + 1);
    at = test.next[decision.value]!;
  });
}
