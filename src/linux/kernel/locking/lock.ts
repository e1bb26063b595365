/** The locks themselves: who holds them. */

export interface Spinlock {
  readonly name: string;
  /** The CPU that holds it, or -1. */
  owner: number;
}

export function createSpinlock(name: string): Spinlock {
  return { name, owner: -1 };
}

/** A sleeping reader/writer lock: mmap_lock, mem_enc_lock. */
export interface RwSemaphore {
  readonly name: string;
  readers: number;
  writer: number;
}

export function createRwSemaphore(name: string): RwSemaphore {
  return { name, readers: 0, writer: -1 };
}

export type Lock = Spinlock | RwSemaphore;

/** Nobody holds it any more, whatever came before. */
export function releaseLock(lock: Lock): void {
  if ('owner' in lock) lock.owner = -1;
  else {
    lock.readers = 0;
    lock.writer = -1;
  }
}
