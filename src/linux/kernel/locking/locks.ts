/**
 * Locks as far as editing the direct map needs them: who holds what, and that a holder does not wait for itself.
 *
 * On a plain run a lock is always free when asked for. When CPUs interleave, a task that finds its lock taken yields
 * until it is not.
 */

import type { Kernel } from '../../kernel.ts';
import { halt, type Task } from '../../task.ts';
import type { RwSemaphore, Spinlock } from './lock.ts';

/** Effect: the current CPU holds `lock`. A CPU that already holds it waits for ever: the machine dies. */
export function* spin_lock(k: Kernel, lock: Spinlock): Task<void> {
  if (k.interleaved) {
    do yield { kind: 'preemption', at: 'lock', what: lock.name };
    while (lock.owner !== -1 && lock.owner !== k.cpu);
  }
  if (lock.owner !== -1) {
    k.die({ how: 'panic', text: `deadlock: CPU ${k.cpu} waits for ${lock.name}, held by CPU ${lock.owner}` });
    yield* halt();
  }
  lock.owner = k.cpu;
  k.preempt_count[k.cpu]!++;
  if (k.listening) k.emit({ kind: 'lock', cpu: k.cpu, lock: lock.name, mode: 'spin' });
}

/** Effect: the lock is free, whoever held it. Caller's duty: to hold it. */
export function spin_unlock(k: Kernel, lock: Spinlock): void {
  if (lock.owner === -1)
    k.brokenRule('DEBUG_SPINLOCK', `BUG: spinlock already unlocked on CPU#${k.cpu}: ${lock.name}`);
  else if (lock.owner !== k.cpu)
    k.brokenRule('DEBUG_SPINLOCK', `BUG: spinlock wrong CPU on CPU#${k.cpu}: ${lock.name}`);
  lock.owner = -1;
  k.preempt_count[k.cpu]!--;
  if (k.listening) k.emit({ kind: 'unlock', cpu: k.cpu, lock: lock.name, mode: 'spin' });
}

export function* down_read(k: Kernel, sem: RwSemaphore): Task<void> {
  k.might_sleep(sem.name);
  if (k.interleaved) {
    do yield { kind: 'preemption', at: 'lock', what: sem.name };
    while (sem.writer !== -1 && sem.writer !== k.cpu);
  }
  if (sem.writer !== -1) {
    k.die({ how: 'panic', text: `deadlock: CPU ${k.cpu} waits to read ${sem.name}` });
    yield* halt();
  }
  sem.readers++;
  if (k.listening) k.emit({ kind: 'lock', cpu: k.cpu, lock: sem.name, mode: 'read' });
}

export function up_read(k: Kernel, sem: RwSemaphore): void {
  sem.readers--;
  if (k.listening) k.emit({ kind: 'unlock', cpu: k.cpu, lock: sem.name, mode: 'read' });
}

export function* down_write(k: Kernel, sem: RwSemaphore): Task<void> {
  k.might_sleep(sem.name);
  if (k.interleaved) {
    do yield { kind: 'preemption', at: 'lock', what: sem.name };
    while (sem.readers > 0 || sem.writer !== -1);
  }
  if (sem.readers > 0 || sem.writer !== -1) {
    k.die({ how: 'panic', text: `deadlock: CPU ${k.cpu} waits to write ${sem.name}` });
    yield* halt();
  }
  sem.writer = k.cpu;
  if (k.listening) k.emit({ kind: 'lock', cpu: k.cpu, lock: sem.name, mode: 'write' });
}

export function up_write(k: Kernel, sem: RwSemaphore): void {
  sem.writer = -1;
  if (k.listening) k.emit({ kind: 'unlock', cpu: k.cpu, lock: sem.name, mode: 'write' });
}
