/**
 * Loads and stores of page-table entries, as every architecture makes them. An entry pointer (`pte_t *`, `pmd_t *`, ...) is
 * the physical address of the entry, and its value two 32-bit halves.
 */

import type { Kernel } from '../kernel.ts';
import type { Task } from '../task.ts';

/** Effect: one 8-byte store. */
export function* set_entry(k: Kernel, entry: number, low: number, high: number): Task<void> {
  if (k.interleaved) yield { kind: 'preemption', at: 'write', what: entry };
  store_entry(k, entry, low, high);
}

/** The store itself, for tables that no other CPU can reach yet. */
export function store_entry(k: Kernel, entry: number, low: number, high: number): void {
  if (k.listening) {
    k.emit({
      kind: 'write',
      cpu: k.cpu,
      entry,
      oldLow: k.memory.low(entry),
      oldHigh: k.memory.high(entry),
      low: low >>> 0,
      high: high >>> 0,
    });
  }
  k.memory.write(entry, low, high);
}

/** To be called before entries are looked at: another CPU may run here. `what` is the first of them. */
export function* before_read(k: Kernel, what: number): Task<void> {
  if (k.interleaved) yield { kind: 'preemption', at: 'read', what };
}
