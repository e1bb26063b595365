/** Who holds which lock, from the events that tell of it. */

import type { KernelEvent } from '../linux/events.ts';

type LockEvent = Extract<KernelEvent, { lock: string }>;

export class LockHolders {
  readonly #holders = new Map<string, number[]>();

  record(event: KernelEvent): void {
    if (event.kind === 'lock') this.#holders.set(event.lock, [...this.of(event.lock), event.cpu]);
    if (event.kind === 'unlock') this.#holders.set(event.lock, this.#afterUnlock(event));
  }

  /** The CPUs that hold the lock: several if they read. */
  of(lock: string): readonly number[] {
    return this.#holders.get(lock) ?? [];
  }

  /** Only readers can be several; any other unlock frees the lock, whoever held it. */
  #afterUnlock({ lock, mode, cpu }: LockEvent): number[] {
    if (mode !== 'read') return [];
    const holders = [...this.of(lock)];
    const at = holders.indexOf(cpu);
    return holders.filter((_, i) => i !== at);
  }
}
