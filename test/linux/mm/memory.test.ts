import { describe, expect, it } from 'vitest';
import type { Arm64Kernel } from '../../../src/linux/arch/arm64/arm64_kernel.ts';
import { EINVAL, ENOMEM } from '../../../src/linux/errno.ts';
import { apply_to_existing_page_range, apply_to_page_range } from '../../../src/linux/mm/memory.ts';
import { PageTable } from '../../../src/linux/mm/page_flags.ts';
import type { Task } from '../../../src/linux/task.ts';
import { call, lines, refuse, watch } from '../../support/calls.ts';
import { arm64, entryAt } from '../arch/arm64/support.ts';

/** Tables of 4 entries: 16K under a PMD entry, 64K under a PUD entry. RAM is the first 128K of 512K. */
function small(kernel: string, boot = ''): Arm64Kernel {
  return arm64({ kernel, boot, config: 'KFENCE=n', index_bits: 2, ram: 2 ** 17 });
}

const PAGE = 4096;
const HOLE = 2 ** 17;

/** Which addresses a walk visits, from the start of the direct map. */
function visits(k: Arm64Kernel, walk: typeof apply_to_page_range, start: number, size: number): number[] {
  const seen: number[] = [];
  call(
    walk(k, k.page_offset + start, size, function* (_pte, addr) {
      seen.push(addr - k.page_offset);
      return 0;
    }),
  );
  return seen;
}

function* nothing(): Task<number> {
  return 0;
}

describe('apply_to_page_range()', () => {
  it('shows every PTE with its address, across tables', () => {
    const k = small('v6.12');
    expect(visits(k, apply_to_page_range, 3 * PAGE, 3 * PAGE)).toEqual([3 * PAGE, 4 * PAGE, 5 * PAGE]);
    const at = k.page_offset + 5 * PAGE;
    call(
      apply_to_page_range(k, at, PAGE, function* (pte) {
        expect(pte).toBe(entryAt(k, 1, at));
        return 0;
      }),
    );
  });

  it('ends with the first error of what is applied', () => {
    const k = small('v6.12');
    let calls = 0;
    const ret = call(
      apply_to_page_range(k, k.page_offset, 8 * PAGE, function* () {
        calls++;
        return calls === 6 ? -5 : 0;
      }),
    );
    expect([ret, calls]).toEqual([-5, 6]);
  });

  it.each(['v5.10', 'v6.12'])('of %s makes the tables that are not there, and shows empty PTEs', (kernel) => {
    const k = small(kernel);
    expect(visits(k, apply_to_page_range, HOLE, 2 * PAGE)).toEqual([HOLE, HOLE + PAGE]);
    const pmd = entryAt(k, 2, k.page_offset + HOLE);
    expect(k.memory.word(pmd)).not.toBe(0n);
    expect(PageTable(k, k.format.tableAddress(2, k.memory.low(pmd), k.memory.high(pmd)) / PAGE)).toBe(true);
  });

  it('returns -ENOMEM without a page for a table, with what came before done', () => {
    const k = small('v6.12');
    const seen: number[] = [];
    const task = apply_to_page_range(k, k.page_offset + HOLE, 8 * PAGE, function* (_pte, addr) {
      seen.push(addr);
      return 0;
    });
    expect(call(task, refuse(3))).toBe(-ENOMEM);
    expect(seen).toHaveLength(4);
  });

  it.each([0, -PAGE])('warns of %i bytes, and returns -EINVAL', (size) => {
    const k = small('v6.12');
    const { value, events } = watch(k, apply_to_page_range(k, k.page_offset, size, nothing));
    expect(value).toBe(-EINVAL);
    expect(lines(events)).toEqual(['WARN_ON(addr >= end) in __apply_to_page_range()']);
  });

  it('keeps the table that another CPU was first to make', () => {
    const k = small('v6.12');
    const addr = k.page_offset + HOLE;
    const task = apply_to_page_range(k, addr, PAGE, nothing);
    let step = task.next(0);
    while (step.done !== true && step.value.kind !== 'allocation') step = task.next(0);
    call(apply_to_page_range(k, addr, PAGE, nothing));
    const made = k.memory.word(entryAt(k, 3, addr));
    while (step.done !== true) step = task.next(1);
    expect(step.value).toBe(0);
    expect(k.memory.word(entryAt(k, 3, addr))).toBe(made);
  });

  it('since v5.13 warns once of a leaf above the PTEs, and before dies of it', () => {
    const after = small('v6.12', 'rodata=off');
    const first = watch(after, apply_to_page_range(after, after.page_offset, PAGE, nothing));
    expect(first.value).toBe(-EINVAL);
    expect(lines(first.events)).toEqual(['WARN_ON_ONCE(pud_leaf(*pud)) in apply_to_pud_range()']);
    const again = watch(after, apply_to_page_range(after, after.page_offset, PAGE, nothing));
    expect(lines(again.events)).toEqual([]);
    const before = small('v5.10', 'rodata=off');
    const { died } = watch(before, apply_to_page_range(before, before.page_offset, PAGE, nothing));
    expect(died).toBe('BUG_ON(pud_huge(*pud)) in apply_to_page_range()');
  });

  it('since v5.13 clears what is neither leaf nor table, and makes a table of it', () => {
    const k = small('v6.12');
    const addr = k.page_offset + HOLE - 4 * PAGE;
    const pmd = entryAt(k, 2, addr);
    k.memory.write(pmd, 0x1234_0002, 0);
    const { value, events } = watch(k, apply_to_page_range(k, addr, PAGE, nothing));
    expect(value).toBe(0);
    expect(lines(events)).toEqual([
      'WARN_ON_ONCE(pmd_bad(*pmd)) in apply_to_pmd_range()',
      'bad pmd 0x12340002',
    ]);
    expect(k.memory.low(pmd) & 3).toBe(3);
  });
});

describe('apply_to_existing_page_range()', () => {
  it('passes over what is not there, and allocates nothing', () => {
    const k = small('v6.12');
    k.memory.write(entryAt(k, 1, k.page_offset + PAGE), 0, 0);
    expect(visits(k, apply_to_existing_page_range, 0, 3 * PAGE)).toEqual([0, 2 * PAGE]);
    expect(visits(k, apply_to_existing_page_range, HOLE, 2 * PAGE)).toEqual([]);
    expect(k.memory.word(entryAt(k, 3, k.page_offset + HOLE))).toBe(0n);
  });

  it('since v5.13 refuses a leaf above the PTEs, and before cleared it as a bad entry', () => {
    const after = small('v6.12', 'rodata=off');
    expect(call(apply_to_existing_page_range(after, after.page_offset, PAGE, nothing))).toBe(-EINVAL);
    const before = small('v5.10', 'rodata=off');
    const task = apply_to_existing_page_range(before, before.page_offset, PAGE, nothing);
    const { value, events } = watch(before, task);
    expect(value).toBe(0);
    expect(lines(events)[0]).toMatch(/^bad pud 0x/);
    expect(before.leafAt(before.page_offset)).toBeUndefined();
  });

  it('passes over a bad entry since v5.13, with a warning', () => {
    const k = small('v6.12');
    const pmd = entryAt(k, 2, k.page_offset);
    k.memory.write(pmd, 0x1234_0002, 0);
    const { value, events } = watch(k, apply_to_existing_page_range(k, k.page_offset, PAGE, nothing));
    expect(value).toBe(0);
    expect(lines(events)).toEqual(['WARN_ON_ONCE(pmd_bad(*pmd)) in apply_to_pmd_range()']);
    expect(k.memory.low(pmd)).toBe(0x1234_0002);
  });
});
