import { describe, expect, it } from 'vitest';
import { spin_lock, spin_unlock } from '../../../../src/linux/kernel/locking/locks.ts';
import type { Task } from '../../../../src/linux/task.ts';
import { call, lines, watch } from '../../../support/calls.ts';
import { smallX86 } from '../../../support/small_x86.ts';

function* release(k: ReturnType<typeof smallX86>): Task<void> {
  spin_unlock(k, k.cpa_lock);
}

describe('a spinlock', () => {
  it('lets nobody in twice: who holds it and asks again waits for ever', () => {
    const k = smallX86({ kernel: 'v7.2' });
    call(spin_lock(k, k.cpa_lock));
    expect(watch(k, spin_lock(k, k.cpa_lock)).died).toMatch(
      /deadlock: CPU 0 waits for cpa_lock, held by CPU 0/,
    );
  });

  it('released without being held is reported by DEBUG_SPINLOCK', () => {
    const k = smallX86({ kernel: 'v7.2', config: 'DEBUG_SPINLOCK=y' });
    expect(lines(watch(k, release(k)).events)).toEqual(['BUG: spinlock already unlocked on CPU#0: cpa_lock']);
  });

  it('released without being held is not reported by other kernels', () => {
    const k = smallX86({ kernel: 'v7.2' });
    const { events } = watch(k, release(k));
    expect(lines(events)).toEqual([]);
    expect(events[0]).toMatchObject({ kind: 'unreported', option: 'DEBUG_SPINLOCK' });
  });

  it('released by a CPU that does not hold it is free all the same', () => {
    const k = smallX86({ kernel: 'v7.2' });
    k.cpa_lock.owner = 1;
    expect(watch(k, release(k)).events[0]).toMatchObject({ text: expect.stringMatching(/wrong CPU/) });
    expect(watch(k, spin_lock(k, k.cpa_lock)).died).toBeUndefined();
  });
});
