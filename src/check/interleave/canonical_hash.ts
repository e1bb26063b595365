/**
 * A state's 64-bit hash that is the same however its CPUs, and its pages that are alike, change places: two lanes of
 * 32 bits, each a sum of parts in any order. A page that a CPU works on is a part with that CPU.
 */

import { scramble } from '../../memory/scramble.ts';
import type { CheckedMachine } from '../machine.ts';
import type { Cells } from './cells.ts';

/** What a state has of each CPU, before its cells: node + 1, action + 1, last action + 1. */
export const PER_CPU = 3;

export class CanonicalHash {
  low = 0;
  high = 0;
  readonly #machine: CheckedMachine;
  readonly #cells: Cells;
  readonly #cpus: number;
  readonly #alike: boolean;
  readonly #cpusAlike: boolean;
  readonly #holders: readonly number[];
  /** Where a state's cells begin. */
  readonly #cells0: number;

  constructor(machine: CheckedMachine, cells: Cells, cpus: number, alike: boolean) {
    this.#machine = machine;
    this.#cells = cells;
    this.#cpus = cpus;
    this.#alike = alike;
    this.#cpusAlike = machine.actions.every((action) => action.cpus.length === cpus);
    this.#holders = cells.holders();
    this.#cells0 = PER_CPU * cpus;
  }

  /** Of a state, into `low` and `high`. */
  take(vector: Uint16Array): void {
    const bound = this.#boundPages(vector);
    this.low = this.#hashLane(vector, bound, 0x3c6ef372);
    this.high = this.#hashLane(vector, bound, 0x1f83d9ab);
  }

  /** The pages that somebody works on, as a mask; -1 if pages cannot change places in this state. */
  #boundPages(vector: Uint16Array): number {
    if (!this.#alike) return -1;
    let bound = 0;
    for (let cpu = 0; cpu < this.#cpus; cpu++) {
      if (vector[cpu * PER_CPU] === 0) continue;
      const { exclusive, first, pages } = this.#machine.actions[vector[cpu * PER_CPU + 1]! - 1]!;
      if (!exclusive || pages !== 1) return -1;
      bound |= 1 << first;
    }
    return bound;
  }

  #hashLane(vector: Uint16Array, bound: number, seed: number): number {
    const cells = this.#cells;
    const alike = bound >= 0;
    let sum = 0;
    for (let cell = 0; cell < cells.count; cell++) {
      const value = vector[this.#cells0 + cell]!;
      if (value === 0 || cells.isHolder(cell) || (alike && cells.pageOf(cell) >= 0)) continue;
      sum = (sum + mixed(seed, cell + 1, value)) | 0;
    }
    if (alike) {
      for (let page = 0; page < this.#machine.pageCount; page++) {
        if ((bound & (1 << page)) !== 0) continue;
        sum = (sum + scramble(this.#tupleHash(vector, page, seed))) | 0;
      }
    }
    for (let cpu = 0; cpu < this.#cpus; cpu++) sum = (sum + this.#hashCpu(vector, cpu, alike, seed)) | 0;
    return sum;
  }

  #hashCpu(vector: Uint16Array, cpu: number, alike: boolean, seed: number): number {
    const at = cpu * PER_CPU;
    let hash = 0;
    if (vector[at + 2] !== 0) hash = mixed(seed, 0x6001, vector[at + 2]!);
    if (vector[at] !== 0) {
      const action = vector[at + 1]! - 1;
      const where = alike ? this.#tupleHash(vector, this.#machine.actions[action]!.first, seed) : action + 1;
      hash = mixed(hash ^ seed, vector[at]!, where);
    }
    for (const cell of this.#holders) {
      const value = vector[this.#cells0 + cell]! ^ this.#cells.initial(cell);
      if (value === cpu + 1) hash = mixed(hash ^ seed, 0x7001, cell);
    }
    return hash === 0 || this.#cpusAlike ? hash : mixed(hash ^ seed, 0x5001, cpu);
  }

  #tupleHash(vector: Uint16Array, page: number, seed: number): number {
    let hash = seed;
    for (const column of this.#cells.columns) {
      hash = Math.imul(hash ^ vector[this.#cells0 + column + page]!, 0x01000193) ^ (hash >>> 15);
    }
    return hash;
  }
}

function mixed(seed: number, key: number, value: number): number {
  return scramble(scramble(seed ^ Math.imul(key, 0x9e3779b1)) ^ Math.imul(value, 0x85ebca77));
}
