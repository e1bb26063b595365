import { describe, expect, it } from 'vitest';
import type { World } from '../../../src/check/claim.ts';
import { onPage, onRange } from '../../../src/check/claims/shared/worlds.ts';
import { CheckedMachine } from '../../../src/check/machine/machine.ts';
import { NotModelledError } from '../../../src/errors.ts';
import { X86 } from '../../../src/linux/arch/x86/index.ts';
import type { Spinlock } from '../../../src/linux/kernel/locking/lock.ts';
import { parseKernelVersion } from '../../../src/linux/kernels.ts';
import { runTask } from '../../../src/linux/task.ts';

const version = parseKernelVersion('v7.2', 'test', X86);
const machine = (world: World, geometry?: number) =>
  new CheckedMachine(world, { version, ...(geometry === undefined ? {} : { geometry }) });

describe('a machine to explore', () => {
  it.each([
    ['4K', 4, 1],
    ['2M', 4, 2],
    ['1G', 4, 3],
  ] as const)('has the pages of one %s leaf, all mapped by it', (leaf, pages, level) => {
    const debug = { config: { DEBUG_PAGEALLOC: 'y' }, boot: 'debug_pagealloc=on' } as const;
    const m = machine({ leaf, calls: [], ...(leaf === '4K' ? debug : {}) });
    expect(m.pages).toHaveLength(pages);
    expect(new Set(m.pages.map((page) => page.level))).toEqual(new Set([level]));
    expect(new Set(m.pages).size).toBe(1);
  });

  it('at full size stands for all pages of the leaf: the last for all the rest', () => {
    const m = machine({ leaf: '2M', calls: [] }, 9);
    expect([0, 1, 2, 3, 4].map((page) => m.offsetOf(page))).toEqual([0, 1, 2, 3, 512]);
    expect(m.countOf(0, 4)).toBe(512);
    expect(m.countOf(1, 2)).toBe(2);
    expect(m.countOf(2, 2)).toBe(510);
  });

  it('at full size has two levels of a 1G leaf', () => {
    const m = machine({ leaf: '1G', calls: [] }, 9);
    expect([0, 1, 2, 3, 4].map((page) => m.offsetOf(page))).toEqual([0, 1, 512, 513, 512 * 512]);
  });

  it('tells the words of its actions in real pages', () => {
    const calls = [onRange('set_memory_np')];
    const whole = (m: CheckedMachine) =>
      m.actions.find(({ first, pages }) => first === 0 && pages === 4)?.text;
    expect(whole(machine({ leaf: '2M', calls }))).toBe('set_memory_np(page, 4)');
    expect(whole(machine({ leaf: '2M', calls }, 9))).toBe('set_memory_np(page, 512)');
  });

  it('leaves out what the kernel does not have', () => {
    const calls = [onPage('set_memory_rox'), onPage('set_memory_ro')];
    const old = new CheckedMachine(
      { leaf: '2M', calls },
      { version: parseKernelVersion('v5.10', 'test', X86) },
    );
    expect(new Set(old.actions.map((action) => action.calls[0]!.name))).toEqual(new Set(['set_memory_ro']));
  });

  it('refuses a leaf of a size that boot does not make', () => {
    const world: World = { leaf: '4K', calls: [] };
    expect(() => machine(world)).toThrow(NotModelledError);
    expect(() => machine(world)).toThrow(/a 4K leaf to explore/);
  });

  it('makes an action, tells what came of it, and goes back', () => {
    const m = machine({ leaf: '2M', calls: [onPage('set_direct_map_invalid_noflush')] });
    const mark = m.mark();
    const refused = m.run(m.actions[1]!, 0, () => true);
    expect(refused).toMatchObject({ returned: [-12], allocations: 1, refused: 1 });
    expect(m.run(m.actions[1]!, 0, () => false)).toMatchObject({ returned: [0], allocations: 1, refused: 0 });
    expect(m.pages.map(({ present }) => present)).toEqual([true, false, true, true]);
    m.undo(mark);
    expect(m.pages.every(({ present, level }) => present && level === 2)).toBe(true);
  });

  it('holds again what was held at a mark, when it goes back there', () => {
    const m = machine({ leaf: '2M', calls: [] });
    const { kernel } = m;
    const cpa_lock = kernel.locks.find(({ name }) => name === 'cpa_lock') as Spinlock;
    cpa_lock.owner = 0;
    kernel.irqs_disabled[0] = 1;
    const mark = m.mark();
    cpa_lock.owner = -1;
    kernel.irqs_disabled[0] = 0;
    m.undo(mark);
    expect([cpa_lock.owner, kernel.irqs_disabled[0]]).toEqual([0, 1]);
  });

  it('keeps one value of a name at a time, and takes it back', () => {
    const keep = { calls: [{ name: 'vmalloc', with: [1], keep: 'area' }], on: 'none' } as const;
    const free = { calls: [{ name: 'vfree', at: 'area', forget: 'area' }], on: 'none' } as const;
    const m = machine({ leaf: '2M', pagesFree: true, calls: [keep, free] });
    const [alloc, release] = m.actions;
    expect([m.enabled(alloc!), m.enabled(release!)]).toEqual([true, false]);
    const mark = m.mark();
    const { returned } = m.run(alloc!, 0, () => false);
    expect(m.kept('area')).toBe(returned[0]);
    expect([m.enabled(alloc!), m.enabled(release!)]).toEqual([false, true]);
    m.undo(mark);
    expect(m.kept('area')).toBeUndefined();
  });

  it('agrees with the kernel’s own predicate and with the tables', () => {
    const m = machine({ leaf: '2M', calls: [onRange('set_memory_np')] });
    m.run(m.actions[0]!, 0, () => false);
    expect([0, 1].map((page) => m.kernelPagePresent(page))).toEqual([false, true]);
    expect([0, 1].map((page) => m.canAccess(0, page, true))).toEqual([false, true]);
    expect(runTask(m.kernel.kernel_page_present(m.pfnOf(1)))).toMatchObject({ value: true });
  });
});
