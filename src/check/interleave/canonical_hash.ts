/**
 * A state's 64-bit hash that is the same however its CPUs, and its pages that are alike, change places: two lanes of
 * 32 bits, each a sum of parts in any order. A page and the CPUs that work on it are one part.
 */

import { scramble } from '../../memory/scramble.ts';
import type { CheckedMachine } from '../machine/machine.ts';
import type { Cells } from './cells.ts';

/** What a state has of each CPU, before its cells: node + 1, action + 1, last action + 1. */
export const PER_CPU = 3;

const LOW_SEED = 0x3c6ef372;
const HIGH_SEED = 0x1f83d9ab;

/** Keys of what is hashed, apart from each other and from the numbers of cells. */
const COLUMN = 0x10000;
const LAST = 0x20000;
const NODE = 0x30000;
const LOCK = 0x40000;
const CPU = 0x50000;

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
  /** By page: its part so far, in both lanes. */
  readonly #pageLow: Int32Array;
  readonly #pageHigh: Int32Array;

  constructor(machine: CheckedMachine, cells: Cells, cpus: number, alike: boolean) {
    this.#machine = machine;
    this.#cells = cells;
    this.#cpus = cpus;
    this.#alike = alike;
    this.#cpusAlike = machine.actions.every((action) => action.cpus.length === cpus);
    this.#holders = cells.holders();
    this.#cells0 = PER_CPU * cpus;
    this.#pageLow = new Int32Array(machine.pageCount);
    this.#pageHigh = new Int32Array(machine.pageCount);
  }

  /** Of a state, into `low` and `high`. */
  take(vector: Uint16Array): void {
    const alike = this.#alike && this.#isByPage(vector);
    this.low = 0;
    this.high = 0;
    this.#addCells(vector, alike);
    if (alike) this.#beginPages(vector);
    for (let cpu = 0; cpu < this.#cpus; cpu++) this.#addCpu(vector, cpu, alike);
    if (alike) this.#addPages();
  }

  /** Whether everybody who works, works on one page. */
  #isByPage(vector: Uint16Array): boolean {
    for (let cpu = 0; cpu < this.#cpus; cpu++) {
      const at = cpu * PER_CPU;
      if (vector[at] !== 0 && this.#machine.actions[vector[at + 1]! - 1]!.pages !== 1) return false;
    }
    return true;
  }

  #add(key: number, value: number): void {
    this.low = (this.low + mixed(LOW_SEED, key, value)) | 0;
    this.high = (this.high + mixed(HIGH_SEED, key, value)) | 0;
  }

  /** What differs from the first state, but for locks, which are part of who holds them. */
  #addCells(vector: Uint16Array, alike: boolean): void {
    const cells = this.#cells;
    for (let cell = 0; cell < cells.count; cell++) {
      const value = vector[this.#cells0 + cell]!;
      if (value === 0 || cells.isHolder(cell) || (alike && cells.pageOf(cell) >= 0)) continue;
      this.#add(cell, value);
    }
  }

  /** A page's entries in all tables; in tables that nobody has used yet they are 0, and do not count. */
  #beginPages(vector: Uint16Array): void {
    for (let page = 0; page < this.#pageLow.length; page++) {
      let low = LOW_SEED;
      let high = HIGH_SEED;
      for (const column of this.#cells.columns) {
        const cell = column + page;
        const value = vector[this.#cells0 + cell]! ^ this.#cells.initial(cell);
        if (value === 0) continue;
        low = (low + mixed(LOW_SEED, COLUMN + column, value)) | 0;
        high = (high + mixed(HIGH_SEED, COLUMN + column, value)) | 0;
      }
      this.#pageLow[page] = low;
      this.#pageHigh[page] = high;
    }
  }

  #addPages(): void {
    for (let page = 0; page < this.#pageLow.length; page++) {
      this.low = (this.low + scramble(this.#pageLow[page]!)) | 0;
      this.high = (this.high + scramble(this.#pageHigh[page]!)) | 0;
    }
  }

  /** To the page that the CPU works on if pages may change places, else by itself. */
  #addCpu(vector: Uint16Array, cpu: number, alike: boolean): void {
    const at = cpu * PER_CPU;
    const busy = vector[at] !== 0;
    const action = vector[at + 1]! - 1;
    const low = this.#cpuLane(vector, cpu, alike ? 0 : action + 1, LOW_SEED);
    if (low === 0) return;
    const high = this.#cpuLane(vector, cpu, alike ? 0 : action + 1, HIGH_SEED);
    if (busy && alike) {
      const { first } = this.#machine.actions[action]!;
      this.#pageLow[first] = this.#pageLow[first]! + scramble(low);
      this.#pageHigh[first] = this.#pageHigh[first]! + scramble(high);
    } else {
      this.low = (this.low + scramble(low)) | 0;
      this.high = (this.high + scramble(high)) | 0;
    }
  }

  /** Where the CPU is, what it did last and what it holds; 0 if it is idle and has done and holds nothing. */
  #cpuLane(vector: Uint16Array, cpu: number, where: number, seed: number): number {
    const at = cpu * PER_CPU;
    let hash = 0;
    if (vector[at + 2] !== 0) hash = mixed(seed, LAST, vector[at + 2]!);
    if (vector[at] !== 0) hash = mixed(hash ^ seed, NODE + vector[at]!, where);
    for (const cell of this.#holders) {
      const value = vector[this.#cells0 + cell]! ^ this.#cells.initial(cell);
      if (value === cpu + 1) hash = mixed(hash ^ seed, LOCK, cell);
    }
    return hash === 0 || this.#cpusAlike ? hash : mixed(hash ^ seed, CPU, cpu);
  }
}

function mixed(seed: number, key: number, value: number): number {
  return scramble(scramble(seed ^ Math.imul(key + 1, 0x9e3779b1)) ^ Math.imul(value, 0x85ebca77));
}
