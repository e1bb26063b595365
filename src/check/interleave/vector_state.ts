import type { Action, PageState, State } from '../claim.ts';
import type { CheckedMachine } from '../machine/machine.ts';
import type { Automaton } from './automaton.ts';
import { PER_CPU } from './canonical_hash.ts';

/** A state of an interleaved machine, put into the model when somebody looks at its pages. */
export class VectorState implements State {
  readonly #machine: CheckedMachine;
  readonly #automaton: Automaton;
  readonly #vector: Uint16Array;
  readonly #cpus: number;

  constructor(machine: CheckedMachine, automaton: Automaton, vector: Uint16Array, cpus: number) {
    this.#machine = machine;
    this.#automaton = automaton;
    this.#vector = vector;
    this.#cpus = cpus;
  }

  get idle(): boolean {
    return Array.from({ length: this.#cpus }, (_, cpu) => this.#vector[cpu * PER_CPU]).every((n) => n === 0);
  }

  get last(): readonly (Action | undefined)[] {
    return Array.from({ length: this.#cpus }, (_, cpu) => {
      const action = this.#vector[cpu * PER_CPU + 2]!;
      return action === 0 ? undefined : this.#machine.actions[action - 1];
    });
  }

  get pages(): readonly PageState[] {
    return this.#inModel(() => this.#machine.pages);
  }

  canAccess(cpu: number, page: number, write: boolean): boolean {
    return this.#inModel(() => this.#machine.canAccess(cpu, page, write));
  }

  kernelPagePresent(page: number): boolean {
    return this.#inModel(() => this.#machine.kernelPagePresent(page));
  }

  get counted(): readonly number[] {
    throw new Error('counters are not kept where CPUs are interleaved');
  }

  countLeaves(): readonly number[] {
    return this.#inModel(() => this.#machine.countLeaves());
  }

  #inModel<T>(look: () => T): T {
    const { cells } = this.#automaton;
    const { kernel } = this.#machine;
    const mark = kernel.mark();
    for (let cell = 0; cell < cells.count; cell++) {
      if (cells.isLock(cell)) continue;
      cells.poke(cell, this.#vector[PER_CPU * this.#cpus + cell]! ^ cells.initial(cell));
    }
    const seen = look();
    kernel.undo(mark);
    return seen;
  }
}
