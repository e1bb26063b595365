/**
 * How modelled kernel code runs: as generators that yield where the world decides.
 *
 * The same source serves a plain run (`runTask`), an exploration of every refused allocation, and interleavings of
 * several CPUs: only who answers the yields differs.
 */

import type { VirtualAddress } from '../mmu/format.ts';

/** What an allocation is for; lets a replay put the page where the real kernel put it. */
export interface TablePurpose {
  /** Level of the table to be: 1 for a page of PTEs. */
  level: number;
  /** First address that the table will map. */
  address: VirtualAddress;
}

/** An allocation, which the world grants (answer 1) or refuses (answer 0). */
export interface AllocationPoint {
  kind: 'allocation';
  order: number;
  gfp: number;
  purpose: TablePurpose | undefined;
}

/** Another CPU may run here. Yielded only when `Kernel.interleaved`; the answer is ignored. */
export interface PreemptionPoint {
  kind: 'preemption';
  at: 'lock' | 'read' | 'write' | 'flush';
  /** The lock wanted, or the physical address of the entry. */
  what: string | number;
}

/** The machine has died (oops, BUG, panic). The task must not be resumed. */
export interface HaltPoint {
  kind: 'halt';
}

export type Point = AllocationPoint | PreemptionPoint | HaltPoint;

/** Kernel code that returns a `T`, or never returns because the machine died. */
export type Task<T> = Generator<Point, T, number>;

/** Grants or refuses one allocation. */
export type AllocationPolicy = (point: AllocationPoint) => boolean;

export const grantAll: AllocationPolicy = () => true;

/** How a task ended. */
export type TaskResult<T> = { ended: 'returned'; value: T } | { ended: 'halted' };

/** Run a task to its end on one CPU. */
export function runTask<T>(task: Task<T>, policy: AllocationPolicy = grantAll): TaskResult<T> {
  let step = task.next(0);
  while (step.done !== true) {
    const point = step.value;
    if (point.kind === 'halt') return { ended: 'halted' };
    step = task.next(point.kind === 'allocation' && policy(point) ? 1 : 0);
  }
  return { ended: 'returned', value: step.value };
}

const HALT: HaltPoint = { kind: 'halt' };

/** The last statement of a path on which the machine dies. */
export function* halt(): Task<never> {
  for (;;) yield HALT;
}
