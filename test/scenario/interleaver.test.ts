import { describe, expect, it } from 'vitest';
import { spin_lock, spin_unlock } from '../../src/linux/kernel/locking/locks.ts';
import type { Point } from '../../src/linux/task.ts';
import { Interleaver, type ResumePoint } from '../../src/scenario/interleaver.ts';
import { LockHolders } from '../../src/scenario/lock_holders.ts';
import { bootMachine } from '../support/machines.ts';

type Body = Generator<Point, void, number>;

const k = bootMachine('v6.12', { ram: '64M', cpus: 3 });

/** Runs the bodies, and returns who took which step from where. */
function run(bodies: Body[], turns: readonly number[]): string[] {
  const mark = k.mark();
  const steps: string[] = [];
  const holders = new LockHolders();
  let events = 0;
  k.interleaved = true;
  k.listen((event) => {
    events++;
    holders.record(event);
    if (event.kind === 'died') steps.push(event.death.text);
  });
  let from: ResumePoint;
  const begins = (cpu: number, at: ResumePoint) => {
    events = 0;
    from = at;
    steps.push(`${cpu} ${at === undefined ? 'start' : at.what}`);
  };
  const ends = () => events > 0 || from?.at !== 'lock';
  const all = new Interleaver(k, bodies, { begins, ends }, holders).run(turns, 's.js:1:1');
  for (let next = all.next(0); next.done !== true; next = all.next(1)) steps.push(next.value.kind);
  k.listen(undefined);
  k.interleaved = false;
  k.cpu = 0;
  k.undo(mark);
  return steps;
}

function* holding(...locks: ('cpa_lock' | 'pgd_lock')[]): Body {
  for (const name of locks) yield* spin_lock(k, k[name]);
  for (const name of locks) spin_unlock(k, k[name]);
}

function* allocating(): Body {
  yield { kind: 'allocation', order: 0, gfp: 0, purpose: undefined };
  yield { kind: 'preemption', at: 'flush', what: 'all' };
}

describe('an interleaver', () => {
  it('takes a CPU to its next point at each step, and first to its first', () => {
    expect(run([holding('cpa_lock'), holding('pgd_lock')], [0, 1, 0, 1])).toEqual([
      '0 start',
      '1 start',
      '0 cpa_lock',
      '1 pgd_lock',
    ]);
  });

  it('lets the world decide an allocation within a step', () => {
    expect(run([allocating()], [])).toEqual(['0 start', 'allocation', '0 all']);
  });

  it('runs what the schedule leaves over in turns, each CPU as far as it gets', () => {
    expect(run([holding('cpa_lock', 'pgd_lock'), holding('cpa_lock')], [1, 0, 0])).toEqual([
      '1 start',
      '0 start',
      '0 cpa_lock',
      '0 pgd_lock',
      '1 cpa_lock',
    ]);
  });

  it('lets a CPU wait in vain for a lock that another holds', () => {
    expect(run([holding('cpa_lock', 'pgd_lock'), holding('cpa_lock')], [0, 0, 1, 1, 1])).toEqual([
      '0 start',
      '0 cpa_lock',
      '1 start',
      '1 cpa_lock',
      '1 cpa_lock',
      '0 pgd_lock',
      '1 cpa_lock',
    ]);
  });

  it('ends with the death of the machine when all wait for one another', () => {
    const bodies = [holding('cpa_lock', 'pgd_lock'), holding('pgd_lock', 'cpa_lock'), holding('cpa_lock')];
    expect(run(bodies, [0, 0, 1, 1, 2]).slice(5)).toEqual([
      '0 pgd_lock',
      '1 cpa_lock',
      '2 cpa_lock',
      'deadlock: CPU 0 waits for pgd_lock, held by CPU 1; CPU 1 waits for cpa_lock, held by CPU 0; ' +
        'CPU 2 waits for cpa_lock, held by CPU 0',
    ]);
  });

  it('refuses a step of a CPU that has ended, and says how far it came', () => {
    expect(() => run([holding('cpa_lock'), holding('pgd_lock')], [0, 1, 0, 0])).toThrow(
      's.js:1:1: step 4 of the schedule: found CPU 0, which has ended after 2 steps, expected CPU 1',
    );
  });
});
