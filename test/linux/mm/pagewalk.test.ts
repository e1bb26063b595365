import { describe, expect, it } from 'vitest';
import { NotModelledError } from '../../../src/errors.ts';
import { EINVAL } from '../../../src/linux/errno.ts';
import type { Kernel } from '../../../src/linux/kernel.ts';
import {
  type mm_walk_ops,
  walk_kernel_page_table_range,
  walk_kernel_page_table_range_lockless,
  walk_page_range,
  walk_page_range_novma,
} from '../../../src/linux/mm/pagewalk.ts';
import { call } from '../../support/calls.ts';
import { bootMachine, GiB, MiB, ownPages } from '../arch/riscv/support.ts';

const WALKS = [
  walk_page_range_novma,
  walk_kernel_page_table_range,
  walk_kernel_page_table_range_lockless,
] as const;

/** Notes every callback, as "PMD 200000+1000" from the beginning of the direct map. */
function recorder(k: Kernel, names: readonly (keyof mm_walk_ops)[], answer = 0) {
  const seen: string[] = [];
  const note = (name: string) =>
    function* (...args: unknown[]) {
      const [addr, next] = (name === 'pte_hole' ? args : args.slice(1)) as number[];
      seen.push(`${name} ${(addr! - k.direct_map.start).toString(16)}+${(next! - addr!).toString(16)}`);
      return answer;
    };
  const ops = Object.fromEntries(names.map((name) => [name, note(name)])) as mm_walk_ops;
  return { seen, ops };
}

/** 1 GiB by 2M leaves, and one table of PTEs: from 16M on in the direct map of Sv39. */
function machine() {
  const k = bootMachine('v7.2', { levels: 3, config: 'KFENCE=n' });
  const page = ownPages(k, 9);
  call(k.set_direct_map_invalid_noflush(page));
  return { k, start: k.direct_map.start, split: k.page_address(page) };
}

describe.each(WALKS)('%o', (walk) => {
  it('shows each entry to the callback of its level, and goes below tables only', () => {
    const { k, split } = machine();
    const { seen, ops } = recorder(k, ['pud_entry', 'pmd_entry', 'pte_entry']);
    expect(call(walk(k, split - 2 * MiB, split + 8192, ops))).toBe(0);
    const at = split - k.direct_map.start;
    const hex = (bytes: number) => bytes.toString(16);
    expect(seen).toEqual([
      `pud_entry ${hex(at - 2 * MiB)}+202000`,
      `pmd_entry ${hex(at - 2 * MiB)}+200000`,
      `pmd_entry ${hex(at)}+2000`,
      `pte_entry ${hex(at)}+1000`,
      `pte_entry ${hex(at + 4096)}+1000`,
    ]);
  });

  it('tells of holes, and passes over them if nobody wants to know', () => {
    const { k } = machine();
    const end = k.direct_map.start + 3 * GiB;
    const { seen, ops } = recorder(k, ['pte_hole', 'pud_entry']);
    expect(call(walk(k, k.direct_map.start + GiB, end, ops))).toBe(0);
    expect(seen).toEqual(['pte_hole 40000000+40000000', 'pte_hole 80000000+40000000']);
    expect(call(walk(k, k.direct_map.start + GiB, end, recorder(k, ['pte_entry']).ops))).toBe(0);
  });

  it('ends with what a callback returns unless that is 0', () => {
    const { k, split } = machine();
    const { seen, ops } = recorder(k, ['pte_entry'], 7);
    expect(call(walk(k, split, split + 8192, ops))).toBe(7);
    expect(seen).toHaveLength(1);
  });

  it('does not go below an entry whose callback says so', () => {
    const { k, split } = machine();
    const { seen, ops } = recorder(k, ['pte_entry']);
    const skipping: mm_walk_ops = {
      ...ops,
      *pmd_entry(_entry, _addr, _next, walk) {
        walk.action = 'CONTINUE';
        return 0;
      },
    };
    expect(call(walk(k, split, split + 8192, skipping))).toBe(0);
    expect(seen).toEqual([]);
  });

  it('looks at no table below the last level that has a callback', () => {
    const { k, split } = machine();
    const { seen, ops } = recorder(k, ['pud_entry']);
    expect(call(walk(k, split, split + 8192, ops))).toBe(0);
    expect(seen).toHaveLength(1);
  });

  it('refuses an empty range', () => {
    const { k, start } = machine();
    const { seen, ops } = recorder(k, ['pmd_entry', 'pte_hole']);
    expect(call(walk(k, start, start, ops))).toBe(-EINVAL);
    expect(call(walk(k, start + 4096, start, ops))).toBe(-EINVAL);
    expect(seen).toEqual([]);
  });

  it('goes to the end of the address space', () => {
    const { k } = machine();
    const { seen, ops } = recorder(k, ['pte_hole']);
    expect(call(walk(k, -GiB, 0, ops))).toBe(0);
    expect(seen).toHaveLength(1);
  });
});

describe('walk_page_range()', () => {
  it('finds no VMA in init_mm: it tells of one hole, and looks at no table', () => {
    const { k, split } = machine();
    const { seen, ops } = recorder(k, ['pmd_entry', 'pte_entry', 'pte_hole']);
    expect(call(walk_page_range(k, split, split + 8192, ops))).toBe(0);
    expect(seen).toEqual([`pte_hole ${(split - k.direct_map.start).toString(16)}+2000`]);
    expect(call(walk_page_range(k, split, split + 8192, {}))).toBe(0);
    expect(call(walk_page_range(k, split, split, ops))).toBe(-EINVAL);
  });
});

describe('a 512G leaf, which the kernel does not know as one', () => {
  it('is walked as a table, of which the model knows nothing', () => {
    const ram = 1024 * GiB;
    const k = bootMachine('v7.2', { levels: 5, ram: [[0, ram]], config: 'KFENCE=n' });
    const { ops } = recorder(k, ['pte_entry']);
    const addr = k.page_address(ram / 2 / 4096);
    expect(k.leafAt(addr)?.level).toBe(4);
    expect(() => call(walk_page_range_novma(k, addr, addr + 4096, ops))).toThrow(NotModelledError);
  });
});
