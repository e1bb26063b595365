/** Calling modelled functions from tests. */

import type { KernelEvent } from '../../src/linux/events.ts';
import type { Kernel } from '../../src/linux/kernel.ts';
import { PRESETS } from '../../src/linux/kernels.ts';
import { type AllocationPolicy, grantAll, runTask, type Task } from '../../src/linux/task.ts';

export const KERNELS = PRESETS.map(({ name }) => name);

/** Refuses the allocations of these numbers, the first being 1. */
export function refuse(...numbers: readonly number[]): AllocationPolicy {
  let asked = 0;
  return () => !numbers.includes(++asked);
}

export const refuseAll: AllocationPolicy = () => false;

/** Refuses what is for a page table, grants the rest. */
export const refuseTables: AllocationPolicy = ({ purpose }) => purpose === undefined;

/** What a call returned, on a machine that must survive it. */
export function call<T>(task: Task<T>, policy: AllocationPolicy = grantAll): T {
  const result = runTask(task, policy);
  if (result.ended === 'halted') throw new Error('the machine died');
  return result.value;
}

/** The events of a run, with how it ended. */
export function watch<T>(
  k: Kernel,
  task: Task<T>,
  policy: AllocationPolicy = grantAll,
): { value: T | undefined; died: string | undefined; events: KernelEvent[] } {
  const events: KernelEvent[] = [];
  k.listen((event) => events.push(event));
  const result = runTask(task, policy);
  k.listen(undefined);
  const value = result.ended === 'returned' ? result.value : undefined;
  return { value, died: k.death?.text, events };
}

/** What the run printed. */
export function lines(events: readonly KernelEvent[]): string[] {
  return events.flatMap((event) => (event.kind === 'printk' || event.kind === 'warn' ? [event.text] : []));
}
