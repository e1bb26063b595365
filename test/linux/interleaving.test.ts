import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as pat from '../../src/linux/arch/x86/mm/pat/set_memory.ts';
import type { X86Kernel } from '../../src/linux/arch/x86/x86_kernel.ts';
import type { KernelEvent } from '../../src/linux/events.ts';
import type { Task } from '../../src/linux/task.ts';
import { bootMachine, leafOf, ownPages } from '../support/machines.ts';

/** Runs one task on each CPU; `schedule` says who goes on at each step, as far as it reaches. */
function interleave(k: X86Kernel, tasks: Task<number>[], schedule: readonly number[]) {
  const events: KernelEvent[] = [];
  const returned: (number | undefined)[] = tasks.map(() => undefined);
  const alive = tasks.map((_, cpu) => cpu);
  k.listen((event) => events.push(event));
  k.interleaved = true;
  for (let at = 0; alive.length > 0 && at < 10_000; at++) {
    const cpu = alive[(schedule[at] ?? at) % alive.length]!;
    k.cpu = cpu;
    const { done, value } = tasks[cpu]!.next(1);
    if (done === true) {
      returned[cpu] = value;
      alive.splice(alive.indexOf(cpu), 1);
    }
  }
  k.interleaved = false;
  k.cpu = 0;
  k.listen(undefined);
  return { returned, events };
}

describe.each(['v6.1', 'v7.2'])(
  'two CPUs that take two pages of one 2M leaf out of the direct map, on %s',
  (kernel) => {
    const k = bootMachine(kernel, { cpus: 2 });
    const page = ownPages(k, 9);

    it('both succeed, whoever goes first, with one split and the loser’s table given back', () => {
      let raced = 0;
      fc.assert(
        fc.property(fc.array(fc.nat(1), { maxLength: 60 }), (schedule) => {
          const mark = k.mark();
          const tasks = [0, 1].map((cpu) => pat.set_direct_map_invalid_noflush(k, page + cpu));
          const { returned, events } = interleave(k, tasks, schedule);
          const count = (kind: KernelEvent['kind']) => events.filter((event) => event.kind === kind).length;
          expect(returned).toEqual([0, 0]);
          expect(count('split')).toBe(1);
          expect(count('allocated') - count('freed')).toBe(1);
          if (count('freed') > 0) raced++;
          const dirty = kernel === 'v7.2' ? '0x8000000000000020' : '0x8000000000000060';
          expect([leafOf(k, page)?.flags, leafOf(k, page + 1)?.flags]).toEqual([dirty, dirty]);
          expect(leafOf(k, page + 2)?.flags).toBe('0x8000000000000163');
          expect(k.cpa_lock.owner).toBe(-1);
          k.undo(mark);
        }),
      );
      expect(raced).toBeGreaterThan(0);
    });
  },
);

describe('two CPUs that change one entry under debug_pagealloc, one X, the other P', () => {
  /** What the entry can become, over every point at which the second CPU may come in. */
  function outcomes(kernel: string): string[] {
    const k = bootMachine(kernel, {
      ...{ ram: '64M', cpus: 2, config: { DEBUG_PAGEALLOC: 'y' }, boot: 'debug_pagealloc=on' },
    });
    const page = ownPages(k, 0);
    const addr = k.page_address(page);
    const seen = new Set<string>();
    for (let switchAt = 0; switchAt < 10; switchAt++) {
      const mark = k.mark();
      const schedule = [...Array<number>(switchAt).fill(0), ...Array<number>(60).fill(1)];
      interleave(k, [pat.set_memory_x(k, addr, 1), pat.set_memory_p(k, addr, 1)], schedule);
      const flags = BigInt(leafOf(k, page)!.flags);
      seen.add(`${flags >> 63n === 0n ? 'X' : 'NX'} ${(flags & 1n) === 1n ? 'P' : 'NP'}`);
      k.undo(mark);
    }
    return [...seen].sort();
  }

  it('lose the P up to v6.12, where every caller goes without cpa_lock', () => {
    expect(outcomes('v6.12')).toEqual(['X NP', 'X P']);
  });

  it('lose none on v7.2, where only the page allocator does', () => {
    expect(outcomes('v7.2')).toEqual(['X P']);
  });
});
