/**
 * A trace run again on the model itself, call by call or step by step, with the claim asked along the way. It confirms
 * what an exploration found, decides whether a shorter trace shows the same, and tells who would notice.
 */

import type { Death } from '../../linux/events.ts';
import type { PreemptionPoint, Task } from '../../linux/task.ts';
import type { Action, Choice, Claim, Done, Event, Finding, PageState, State } from '../claim.ts';
import { stateBefore } from '../explore/explore.ts';
import { WatchedMemory } from '../interleave/watched_memory.ts';
import { NamedFrames } from '../machine/frames.ts';
import type { CheckedMachine } from '../machine/machine.ts';

export interface Replayed {
  /** What the claim says is wrong, if it is still. */
  finding: Finding | undefined;
  /** Every action that ended, in that order. */
  done: Done[];
  /** The refused allocations, counted from the first choice on. */
  refused: readonly number[];
  /** Of interleaved actions: by which choices they began and ended, and which of their allocations were refused. */
  spans: readonly Span[];
  /** The choices made: more than were asked for if actions were followed to their ends. */
  choices: readonly Choice[];
  /** Of each CPU that waits for ever in the end: what its calls had returned by then. */
  stuck: readonly Stuck[];
  /** The trace cannot be followed: a step of a CPU that has nothing to do, an action that is not possible yet. */
  impossible: string | undefined;
}

export interface Stuck {
  cpu: number;
  returned: readonly (number | undefined)[];
  died: Death;
}

export interface Span {
  begun: number;
  ended: number | undefined;
  refused: readonly number[];
}

/**
 * Runs a trace from the machine's state, and takes it back. `small` is the same trace in a small geometry, where there
 * are fewer entries to see to: an action that ended there by some choice goes on to its end by that choice here, and one
 * that was refused something is refused all that it asks for here.
 */
export function replay(
  claim: Claim,
  machine: CheckedMachine,
  choices: readonly Choice[],
  small?: Replayed,
): Replayed {
  const { kernel } = machine;
  const mark = machine.mark();
  const replayed =
    machine.world.interleaved === true
      ? new InterleavedReplay(claim, machine, small?.spans).run(choices)
      : replayCalls(claim, machine, choices, small?.done);
  kernel.interleaved = false;
  kernel.listen(undefined);
  kernel.cpu = 0;
  machine.undo(mark);
  return replayed;
}

function replayCalls(
  claim: Claim,
  machine: CheckedMachine,
  choices: readonly Choice[],
  small: readonly Done[] | undefined,
): Replayed {
  const done: Done[] = [];
  const taken: Choice[] = [];
  const allRefused: number[] = [];
  let allocations = 0;
  let finding = claim.always?.(machine);
  let impossible: string | undefined;
  for (const [i, { cpu, action, refused }] of choices.entries()) {
    if (finding !== undefined) break;
    if (action === undefined || !machine.enabled(action)) {
      impossible = `${action?.text ?? 'a step'} is not possible there`;
      break;
    }
    const all = (small?.[i]?.refused ?? 0) > 0;
    const no = new Set(refused);
    const before = stateBefore(claim, machine);
    const ended = { ...machine.run(action, cpu, (n) => all || no.has(n), true), ...before };
    const refusals = all ? Array.from({ length: ended.allocations }, (_, n) => n + 1) : refused;
    done.push(ended);
    taken.push({ cpu, action, refused: refusals });
    for (const n of refusals) allRefused.push(n + allocations);
    allocations += ended.allocations;
    finding = claim.after?.(ended, machine);
    if (ended.died !== undefined) break;
    finding ??= claim.always?.(machine);
  }
  return { finding, done, refused: allRefused, spans: [], choices: taken, stuck: [], impossible };
}

/** What one CPU is at. */
interface Running {
  action: Action;
  task: Task<readonly (number | undefined)[]>;
  returned: (number | undefined)[];
  events: Event[];
  allocations: number;
  refused: number;
  /** The lock that it is about to ask for. */
  lock: string | undefined;
  span: { begun: number; ended: number | undefined; refused: number[] };
}

/** Steps that one action may take to its end: twice as many as the largest leaf has entries. */
const MAX_STEPS = 2 ** 20;

class InterleavedReplay {
  readonly #claim: Claim;
  readonly #machine: CheckedMachine;
  readonly #running: (Running | undefined)[];
  readonly #last: (Action | undefined)[];
  readonly #done: Done[] = [];
  #finding: Finding | undefined;
  #usedAfterFree = false;
  #allocations = 0;
  readonly #refused: number[] = [];
  readonly #spans: Running['span'][] = [];
  readonly #taken: Choice[] = [];
  readonly #small: readonly Span[] | undefined;
  #waitForEver: Stuck[] = [];
  /** The number of the choice that is being followed. */
  #choice = 0;

  constructor(claim: Claim, machine: CheckedMachine, small: readonly Span[] | undefined) {
    this.#small = small;
    this.#claim = claim;
    this.#machine = machine;
    this.#running = Array.from({ length: machine.cpus }, () => undefined);
    this.#last = Array.from({ length: machine.cpus }, () => undefined);
  }

  run(choices: readonly Choice[]): Replayed {
    const { kernel } = this.#machine;
    kernel.interleaved = true;
    kernel.listen((event) => this.#running[event.cpu]?.events.push(event));
    this.#finding = this.#claim.always?.(this.#state());
    for (const choice of choices) {
      if (this.#finding !== undefined) break;
      const impossible = this.#follow(choice);
      if (impossible !== undefined) return this.#result(impossible);
      this.#choice++;
    }
    this.#finding ??= this.#stuck();
    return this.#result(undefined);
  }

  #result(impossible: string | undefined): Replayed {
    const finding = impossible === undefined ? this.#finding : undefined;
    return {
      ...{ finding, impossible, done: this.#done, refused: this.#refused },
      ...{ spans: this.#spans, choices: this.#taken, stuck: this.#waitForEver },
    };
  }

  /** One choice, and if the action ended by it in the small geometry, all steps to its end. */
  #follow(choice: Choice): string | undefined {
    const impossible = this.#step(choice);
    if (this.#small?.some(({ ended }) => ended === this.#choice) !== true) return impossible;
    const goOn = { cpu: choice.cpu, refused: [] };
    for (let steps = 0; this.#running[choice.cpu] !== undefined && this.#finding === undefined; steps++) {
      if (steps === MAX_STEPS) return `${this.#running[choice.cpu]!.action.text} does not end`;
      const stopped = this.#step(goOn);
      if (stopped !== undefined) return stopped;
    }
    return impossible;
  }

  /** Whether the allocation is refused: as the choice says, or as the same one of the action was. */
  #isRefused(running: Running, asked: number, refused: readonly number[]): boolean {
    if (this.#small === undefined) return refused.includes(asked);
    const same = this.#small.find(({ begun }) => begun === running.span.begun);
    return same?.refused.includes(running.allocations + 1) ?? false;
  }

  /** Returns why the step is impossible, if it is. */
  #step({ cpu, action, refused }: Choice): string | undefined {
    const at = this.#running[cpu];
    if ((at === undefined) === (action === undefined)) {
      return at === undefined ? `CPU ${cpu} has nothing to do` : `CPU ${cpu} is still at ${at.action.text}`;
    }
    if (action !== undefined && this.#clashes(action))
      return `somebody else works on the pages of ${action.text}`;
    const running = at ?? this.#begin(cpu, action!);
    const { kernel } = this.#machine;
    kernel.cpu = cpu;
    this.#watch();
    const answers: number[] = [];
    let asked = 0;
    let step = running.task.next(0);
    while (step.done !== true && step.value.kind === 'allocation') {
      const no = this.#isRefused(running, ++asked, refused);
      running.allocations++;
      this.#allocations++;
      if (no) {
        running.refused++;
        running.span.refused.push(running.allocations);
        this.#refused.push(this.#allocations);
        answers.push(asked);
      }
      step = running.task.next(no ? 0 : 1);
    }
    this.#unwatch();
    this.#taken.push(action === undefined ? { cpu, refused: answers } : { cpu, action, refused: answers });
    if (this.#usedAfterFree) {
      this.#finding = this.#lost('a page table was used after it had been freed');
      return undefined;
    }
    const atLock = step.done !== true && step.value.kind === 'preemption' && step.value.at === 'lock';
    running.lock = atLock ? String((step.value as PreemptionPoint).what) : undefined;
    if (step.done === true || step.value.kind === 'halt') this.#ended(cpu, running);
    this.#finding ??= kernel.death === undefined ? this.#claim.always?.(this.#state()) : undefined;
    return undefined;
  }

  #begin(cpu: number, action: Action): Running {
    const returned: (number | undefined)[] = [];
    const task = this.#machine.task(action, returned);
    const running: Running = {
      action,
      task,
      returned,
      events: [],
      allocations: 0,
      refused: 0,
      lock: undefined,
      span: { begun: this.#choice, ended: undefined, refused: [] },
    };
    this.#spans.push(running.span);
    this.#running[cpu] = running;
    return running;
  }

  #clashes(action: Action): boolean {
    return this.#running.some((other) => {
      if (other === undefined || (!action.exclusive && !other.action.exclusive)) return false;
      const { first, pages } = other.action;
      return action.first < first + pages && first < action.first + action.pages;
    });
  }

  #ended(cpu: number, running: Running): void {
    const { action, returned, allocations, refused, events, span } = running;
    span.ended = this.#choice;
    this.#running[cpu] = undefined;
    this.#last[cpu] = action;
    const died = this.#machine.kernel.death;
    const done = { cpu, action, returned, allocations, refused, died, events, before: [] };
    this.#done.push(done);
    this.#finding ??= this.#claim.after?.(done, this.#state());
  }

  /** Nobody can go on, or somebody waits for what will never come. */
  #stuck(): Finding | undefined {
    if (this.#machine.kernel.death !== undefined) return undefined;
    const waiting = this.#running.flatMap((running, cpu) =>
      running === undefined ? [] : [{ cpu, running, waits: this.#waitsFor(cpu, running) }],
    );
    const left = waiting.find(({ waits }) => waits?.left !== undefined)?.waits?.left;
    const all = waiting.length > 0 && waiting.every(({ waits }) => waits !== undefined);
    if (left === undefined && !all) return undefined;
    this.#waitForEver = waiting.flatMap(({ cpu, running, waits }) =>
      waits === undefined
        ? []
        : [{ cpu, returned: running.returned, died: { how: 'panic', text: waits.text } }],
    );
    return this.#lost(left ?? `deadlock: ${waiting.map(({ waits }) => waits!.text).join(', ')}`);
  }

  /** The lock that a CPU waits for, if another holds it; `left` if that one has gone on without it. */
  #waitsFor(cpu: number, { lock }: Running): { text: string; left: string | undefined } | undefined {
    const found = this.#machine.kernel.locks.find(({ name }) => name === lock);
    if (found === undefined) return undefined;
    const holder = 'owner' in found ? found.owner : found.writer;
    const readers = 'owner' in found ? 0 : found.readers;
    if ((holder === -1 || holder === cpu) && readers === 0) return undefined;
    const gone = holder >= 0 && this.#running[holder] === undefined;
    const left = gone ? `CPU ${cpu} waits for ${lock} for ever: CPU ${holder} left it held` : undefined;
    return { text: `CPU ${cpu} waits for ${lock}`, left };
  }

  /** The machine is lost, and no call of its own has said so. */
  #lost(text: string): Finding | undefined {
    const died = { how: 'panic', text } as const;
    const none = { returned: [], allocations: 0, refused: 0, events: [], before: [] };
    return this.#claim.after?.({ cpu: 0, action: this.#machine.actions[0]!, died, ...none }, this.#state());
  }

  /** Watches for the use of page tables that have been given back. */
  #watch(): void {
    const { memory } = this.#machine.kernel;
    if (!(memory instanceof WatchedMemory)) return;
    const use = (address: number) => {
      const frame = Math.floor(address / this.#machine.kernel.page_size);
      if (NamedFrames.frameOfNote(address) !== undefined || !this.#machine.frames.wasGivenBack(frame)) return;
      this.#usedAfterFree = true;
    };
    memory.watcher = { reads: use, writes: use };
  }

  #unwatch(): void {
    const { memory } = this.#machine.kernel;
    if (memory instanceof WatchedMemory) memory.watcher = undefined;
  }

  #state(): State {
    const machine = this.#machine;
    const running = this.#running;
    const last = this.#last;
    return {
      get pages(): readonly PageState[] {
        return machine.pages;
      },
      idle: running.every((each) => each === undefined),
      last,
      canAccess: (cpu, page, write) => machine.canAccess(cpu, page, write),
      kernelPagePresent: (page) => machine.kernelPagePresent(page),
      counted: machine.counted,
      countLeaves: () => machine.countLeaves(),
    };
  }
}
