import { describe, expect, it } from 'vitest';
import {
  set_memory_np,
  set_memory_ro,
  set_memory_rox,
} from '../../../src/linux/arch/x86/mm/pat/set_memory.ts';
import type { X86Kernel } from '../../../src/linux/arch/x86/x86_kernel.ts';
import { ptdump_walk_pgd } from '../../../src/linux/mm/ptdump.ts';
import type { Point, Task } from '../../../src/linux/task.ts';
import { call, KERNELS, refuseAll, watch } from '../../support/calls.ts';
import { bootMachine, ownPages } from '../../support/machines.ts';
import { buddyOf, smallX86 } from '../../support/small_x86.ts';

/** The points of a task, on CPU `cpu`, up to and with the first that `until` accepts; all if none. */
function pointsUntil(
  k: X86Kernel,
  task: Task<number>,
  cpu: number,
  until: (point: Point) => boolean,
): Point[] {
  const points: Point[] = [];
  for (let at = 0; at < 10_000; at++) {
    k.cpu = cpu;
    const { done, value } = task.next(1);
    if (done === true) return points;
    points.push(value);
    if (until(value)) return points;
  }
  throw new Error('no end');
}

function reads(points: readonly Point[]): number[] {
  return points.flatMap((point) =>
    point.kind === 'preemption' && point.at === 'read' ? [point.what as number] : [],
  );
}

/** One 2M leaf split, the page of PTEs allocated, and a walk that is about to read a PTE there. */
function walkerBeforeThePte(kernel: string) {
  const k = smallX86({ kernel, cpus: 2 });
  const page = ownPages(k, 9);
  const addr = k.page_address(page);
  expect(call(set_memory_ro(k, addr, 1))).toBe(0);
  const pmd = k.memory.low(pmdOf(k, addr));
  const table = k.format.tableAddress(2, pmd, 0) / 4096;
  k.interleaved = true;
  const walker = ptdump_walk_pgd(k, addr + 7 * 4096);
  const points = pointsUntil(k, walker, 0, (point) => reads([point])[0] === table * 4096 + 7 * 8);
  return { k, addr, table, walker, points };
}

/** Where a walk reads its PMD entry. */
function pmdOf(k: X86Kernel, addr: number): number {
  k.interleaved = true;
  const entry = reads(pointsUntil(k, ptdump_walk_pgd(k, addr), 0, () => false))[2]!;
  k.interleaved = false;
  return entry;
}

describe.each(KERNELS)('ptdump_walk_pgd() of %s', (kernel) => {
  it('ends at the leaf, whatever its level', () => {
    for (const level of [1, 2, 3] as const) {
      const k = smallX86({ kernel, level });
      expect(call(ptdump_walk_pgd(k, k.page_address(5)), refuseAll)).toBe(level);
    }
  });

  it('ends at a hole, and at a leaf that is not present', () => {
    const k = smallX86({ kernel });
    expect(call(ptdump_walk_pgd(k, k.page_address(2 ** 30)))).toBe(4);
    expect(call(ptdump_walk_pgd(k, k.page_address(2 ** 14)))).toBe(2);
    const page = ownPages(k, 9);
    expect(call(set_memory_np(k, k.page_address(page), 512))).toBe(0);
    expect(call(ptdump_walk_pgd(k, k.page_address(page)))).toBe(2);
  });

  it('starts at the PGD of five levels, too', () => {
    const k = bootMachine(kernel, { levels: 5, ram: '64M' });
    expect(call(ptdump_walk_pgd(k, k.page_address(0x2000)))).toBe(2);
    expect(call(ptdump_walk_pgd(k, -(2 ** 56)))).toBe(5);
  });

  it('holds the mmap lock of init_mm for writing', () => {
    const k = smallX86({ kernel });
    const { events } = watch(k, ptdump_walk_pgd(k, k.page_address(0)));
    expect(events).toEqual([
      { kind: 'lock', cpu: 0, lock: 'init_mm.mmap_lock', mode: 'write' },
      { kind: 'unlock', cpu: 0, lock: 'init_mm.mmap_lock', mode: 'write' },
    ]);
  });

  it('lets others run before it takes the lock and before it reads each entry', () => {
    const { points } = walkerBeforeThePte(kernel);
    expect(points.map((point) => point.kind === 'preemption' && point.at)).toEqual([
      ...['lock', 'read', 'read', 'read', 'read'],
    ]);
  });

  it('refuses an entry that the kernel would clear', () => {
    const k = smallX86({ kernel });
    const addr = k.page_address(0);
    k.interleaved = true;
    const top = reads(pointsUntil(k, ptdump_walk_pgd(k, addr), 0, () => false))[0]!;
    k.interleaved = false;
    k.memory.write(top, k.memory.low(top) | 0x80, 0);
    expect(() => call(ptdump_walk_pgd(k, addr))).toThrow(/a walk over a bad PGD entry/);
  });
});

describe('a walk while set_memory_rox() collapses the table that it is in', () => {
  it('goes on in a table that is free, where the collapse takes no mmap lock', () => {
    const { k, addr, table, walker } = walkerBeforeThePte('v7.2~cpa-mmap-lock');
    pointsUntil(k, set_memory_rox(k, addr, 512), 1, () => false);
    expect(buddyOf(k).isFree(table)).toBe(true);
    k.cpu = 0;
    expect(walker.next(0)).toEqual({ done: true, value: 1 });
  });

  it('keeps set_memory_rox() waiting on v7.2, so that the table stays', () => {
    const { k, addr, table, walker } = walkerBeforeThePte('v7.2');
    const rox = set_memory_rox(k, addr, 512);
    for (let i = 0; i < 20; i++) pointsUntil(k, rox, 1, () => true);
    expect(pointsUntil(k, rox, 1, () => true)).toMatchObject([{ at: 'lock', what: 'init_mm.mmap_lock' }]);
    expect(buddyOf(k).isFree(table)).toBe(false);
    k.cpu = 0;
    expect(walker.next(0)).toEqual({ done: true, value: 1 });
    pointsUntil(k, rox, 1, () => false);
    expect(buddyOf(k).isFree(table)).toBe(true);
  });

  it('waits on v7.2 for a collapse that came first, and finds the large leaf', () => {
    const k = smallX86({ kernel: 'v7.2', cpus: 2 });
    const addr = k.page_address(ownPages(k, 9));
    call(set_memory_ro(k, addr, 1));
    k.interleaved = true;
    const rox = set_memory_rox(k, addr, 512);
    pointsUntil(k, rox, 1, () => k.init_mm.mmap_lock.writer === 1);
    const walker = ptdump_walk_pgd(k, addr);
    for (let i = 0; i < 3; i++) {
      expect(pointsUntil(k, walker, 0, () => true)).toMatchObject([
        { at: 'lock', what: 'init_mm.mmap_lock' },
      ]);
    }
    pointsUntil(k, rox, 1, () => false);
    k.interleaved = false;
    k.cpu = 0;
    expect(walker.next(0)).toEqual({ done: true, value: 2 });
  });

  it('has nothing to fear on v6.12, which never collapses', () => {
    const { k, addr, table } = walkerBeforeThePte('v6.12');
    pointsUntil(k, set_memory_rox(k, addr, 512), 1, () => false);
    expect(buddyOf(k).isFree(table)).toBe(false);
  });
});
