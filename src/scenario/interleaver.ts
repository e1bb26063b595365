/**
 * Runs one body on each of several CPUs, a step at a time. A step takes a CPU to the next point at which another
 * might come in, or to the end of its body. The schedule says whose step it is; what it leaves over is run in turns.
 */

import { InputError } from '../errors.ts';
import type { Kernel } from '../linux/kernel.ts';
import type { Point, PreemptionPoint } from '../linux/task.ts';
import type { LockHolders } from './lock_holders.ts';
import { plural } from './node_words.ts';

/** What a CPU is about to do: the point where it was interrupted, or undefined before its first step. */
export type ResumePoint = PreemptionPoint | undefined;

/** Sees every step. */
export interface StepWatcher {
  begins(cpu: number, at: ResumePoint): void;
  /** `next` is undefined if the body has ended. Returns whether anything was done. */
  ends(next: PreemptionPoint | undefined): boolean;
}

type Body = Generator<Point, void, number>;

interface Lane {
  readonly cpu: number;
  readonly body: Body;
  at: ResumePoint;
  steps: number;
  ended: boolean;
}

export class Interleaver {
  readonly #kernel: Kernel;
  readonly #lanes: readonly Lane[];
  readonly #watcher: StepWatcher;
  readonly #holders: LockHolders;

  constructor(kernel: Kernel, bodies: readonly Body[], watcher: StepWatcher, holders: LockHolders) {
    this.#kernel = kernel;
    this.#lanes = bodies.map((body, cpu) => ({ cpu, body, at: undefined, steps: 0, ended: false }));
    this.#watcher = watcher;
    this.#holders = holders;
  }

  /** Runs all bodies to their ends, or until the machine dies. `where` is the place of the schedule. */
  *run(turns: readonly number[], where: string): Body {
    for (const [at, cpu] of turns.entries()) {
      if (this.#dead) return;
      const lane = this.#lanes[cpu]!;
      if (lane.ended) throw this.#hasEnded(lane, at + 1, where);
      yield* this.#step(lane);
    }
    yield* this.#inTurns();
  }

  get #dead(): boolean {
    return this.#kernel.death !== undefined;
  }

  /** Each CPU as far as it gets, round after round. */
  *#inTurns(): Body {
    for (;;) {
      let progress = false;
      for (const lane of this.#lanes) {
        if (yield* this.#asFarAsItGets(lane)) progress = true;
        if (this.#dead) return;
      }
      if (this.#lanes.every(({ ended }) => ended)) return;
      if (!progress) return this.#deadlock();
    }
  }

  /** To the end of the body, or to a lock that is taken. Returns whether anything was done. */
  *#asFarAsItGets(lane: Lane): Generator<Point, boolean, number> {
    let progress = false;
    while (!lane.ended && !this.#dead && (yield* this.#step(lane))) progress = true;
    return progress;
  }

  *#step(lane: Lane): Generator<Point, boolean, number> {
    this.#kernel.cpu = lane.cpu;
    this.#watcher.begins(lane.cpu, lane.at);
    lane.steps++;
    lane.at = yield* toNextPoint(lane.body);
    lane.ended = lane.at === undefined;
    return this.#watcher.ends(lane.at) || lane.ended;
  }

  /** The machine dies in the call of every CPU that waits. */
  #deadlock(): void {
    const waiting = this.#lanes.filter(({ ended }) => !ended);
    const text = waiting.map((lane) => this.#waitText(lane)).join('; ');
    this.#kernel.die({ how: 'panic', text: `deadlock: ${text}` });
    for (const { cpu, body } of waiting) {
      this.#kernel.cpu = cpu;
      body.next(0);
    }
  }

  #waitText({ cpu, at }: Lane): string {
    const lock = String(at?.what);
    return `CPU ${cpu} waits for ${lock}, held by CPU ${this.#holders.of(lock).join(' and CPU ')}`;
  }

  #hasEnded({ cpu, steps }: Lane, step: number, where: string): InputError {
    const running = this.#lanes.filter(({ ended }) => !ended).map((lane) => `CPU ${lane.cpu}`);
    return new InputError({
      code: 'bad-format',
      what: `step ${step} of the schedule`,
      where,
      found: `CPU ${cpu}, which has ended after ${plural(steps, 'step')}`,
      expected: running.length === 0 ? 'no more steps' : running.join(' or '),
    });
  }
}

/** Allocations are for the world to decide, and no border of a step. */
function* toNextPoint(body: Body): Generator<Point, PreemptionPoint | undefined, number> {
  let next = body.next(0);
  while (next.done !== true) {
    if (next.value.kind === 'preemption') return next.value;
    next = body.next(yield next.value);
  }
  return undefined;
}
