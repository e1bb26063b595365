/** What the inspector says that calls of real kernels changed, against what was recorded of each call. */

import { describe, expect, test } from 'vitest';
import type { LeafAttributes } from '../../src/inspect/address_space.ts';
import { type Change, type ChangeKind, compareSpaces } from '../../src/inspect/diff.ts';
import { explain } from '../../src/inspect/explain/explain.ts';
import { Machine } from '../../src/inspect/index.ts';
import { readCore, readDescription, signedAddress } from '../support/real_core.ts';
import { ReplayedCore, readTrace } from '../support/replayed_core.ts';

const TRACES = [
  'x86_64-5.10-debian',
  'x86_64-5.10-debug-pagealloc',
  'x86_64-6.1-debian',
  'x86_64-6.12-debian',
  'x86_64-7.2-debian',
  'x86_64-7.2-debian-extra',
  'arm64-5.10-rodata-off',
  'arm64-7.2-bbml2-q10',
  'riscv64-5.10-tiny',
  'riscv64-6.12',
  'riscv64-6.12-6g',
  'riscv64-7.2',
  's390x-6.1-edat',
  's390x-6.12-edat',
  's390x-7.2-edat',
  'ppc64-6.12-p10',
] as const;

/** What their calls changed, others have put back. */
const UNDONE: ReadonlySet<string> = new Set(['arm64-5.10-rodata-off', 'ppc64-6.12-p10']);

const INVERSE: Partial<Record<ChangeKind, ChangeKind>> = {
  split: 'merged',
  merged: 'split',
  appeared: 'vanished',
  vanished: 'appeared',
  'made present': 'made not present',
  'made not present': 'made present',
};

function hintsOf(name: string, known: boolean) {
  return known ? {} : { root: Number(readDescription(name).root) };
}

describe.each(TRACES)('%s', (name) => {
  const core = readCore(name);
  const endCore = readCore(name, '.end');
  const hints = hintsOf(name, core.vmcoreinfo !== undefined);
  const before = new Machine(core, hints, name);
  const after = new Machine(endCore, hints, name);
  const { calls } = readTrace(name);
  const changes = [...compareSpaces(before, after, name).changes()];
  const { pageBytes } = before;

  test('its calls lead from the one core to the other', () => {
    const replayed = new ReplayedCore(name);
    for (const call of calls) replayed.apply(call);
    const different = endCore.ranges
      .flatMap(({ start, size }) => Array.from({ length: size / 4096 }, (_, page) => start / 4096 + page))
      .filter((pfn) => Buffer.compare(endCore.readFrame(pfn)!, replayed.readFrame(pfn) ?? Buffer.of()) !== 0);
    expect(different).toEqual([]);
  });

  test('what changed in the direct map is within what calls were recorded to change', () => {
    const touched = calls.flatMap(({ changed }) =>
      changed.map(([level, , va, , count]) => {
        const start = signedAddress(va);
        return { start, end: start + count * 2 ** before.format.levelShift(level) };
      }),
    );
    const outside = changes
      .filter(({ inDirectMap }) => inDirectMap)
      .filter(({ address, pages }) => !covered(touched, address, address + pages * pageBytes));
    expect(outside).toEqual([]);
    expect(changes.length > 0).toBe(!UNDONE.has(name));
  });

  test('each page of the direct map that calls touched is told as its entries say, before and behind', () => {
    const wrong: string[] = [];
    const pages = new Set(
      calls.flatMap(({ changed }) =>
        changed.flatMap(([level, , va, , count]) => {
          const bytes = 2 ** before.format.levelShift(level);
          // A split is seen at every page; the first and the last of each entry are looked at.
          return Array.from({ length: count }, (_, entry) => {
            const start = signedAddress(va) + entry * bytes;
            return [start, start + bytes - pageBytes];
          }).flat();
        }),
      ),
    );
    const { start, end } = before.directMap!;
    for (const page of pages) {
      if (page < start || page >= end) continue;
      const told = changes.find(
        (change) => change.address <= page && page < change.address + change.pages * pageBytes,
      );
      const expected = kindsOf(pageOf(before, page), pageOf(after, page)).join();
      if ((told?.kinds.join() ?? '') !== expected)
        wrong.push(`0x${page.toString(16)}: ${told?.kinds} ${expected}`);
    }
    expect(wrong).toEqual([]);
  });

  test('nothing differs from itself, and backwards all is the other way round', () => {
    expect([...compareSpaces(before, before, name).changes()]).toEqual([]);
    const backwards = [...compareSpaces(after, before, name).changes()];
    const mirrored = changes.map(
      (change): Change => ({
        ...change,
        kinds: change.kinds.map((kind) => INVERSE[kind] ?? kind),
        before: change.after,
        after: change.before,
      }),
    );
    expect(backwards).toEqual(mirrored);
  });
});

test('what is outside of any direct map is compared too: the vmalloc area of loongarch64', () => {
  const name = 'loong64-7.2';
  const before = new Machine(readCore(name), {}, name);
  const memory = new ReplayedCore(name);
  for (const call of readTrace(name).calls.filter(({ call }) => call !== 'vfree')) memory.apply(call);
  const comparison = compareSpaces(before, new Machine(memory, {}, name), name);
  expect(comparison.onlyDirectMap).toBeUndefined();
  const changes = [...comparison.changes()];
  expect(changes.map(({ kinds, inDirectMap }) => [...kinds, inDirectMap])).toEqual(
    changes.map(() => ['appeared', false]),
  );
  // Four pages of vmalloc(), on which its calls left different attributes.
  const area = signedAddress('0xffff800086284000');
  const pages = changes.map(({ address, pages }) => [(address - area) / before.pageBytes, pages]);
  expect(pages[0]![0]).toBe(0);
  expect(pages.reduce((sum, [, count]) => sum + count!, 0)).toBe(4);
});

function covered(ranges: readonly { start: number; end: number }[], start: number, end: number): boolean {
  let at = start;
  for (let more = true; more && at < end; ) {
    const next = ranges.find((range) => range.start <= at && at < range.end);
    more = next !== undefined;
    if (next !== undefined) at = next.end;
  }
  return at >= end;
}

/** What a page is by its walk alone. */
function pageOf(machine: Machine, page: number): { leaf: LeafAttributes; frame: number } | undefined {
  const { leaf, frame } = explain(machine, page);
  return leaf === undefined || frame === undefined ? undefined : { leaf, frame };
}

/** The law once more, for pages. */
function kindsOf(was: ReturnType<typeof pageOf>, is: ReturnType<typeof pageOf>): ChangeKind[] {
  if (was === undefined || is === undefined) {
    if (was === is) return [];
    return [was === undefined ? 'appeared' : 'vanished'];
  }
  const kinds: ChangeKind[] = [];
  if (was.leaf.bytes !== is.leaf.bytes) kinds.push(was.leaf.bytes > is.leaf.bytes ? 'split' : 'merged');
  if (was.leaf.present !== is.leaf.present) kinds.push(is.leaf.present ? 'made present' : 'made not present');
  else if (!alike(was.leaf, is.leaf)) kinds.push('attributes');
  if (was.frame !== is.frame) kinds.push('remapped');
  return kinds;
}

/** Names of bits that only say how large a leaf is, of all architectures. */
const SIZE_NAMES = /^(PSE|TABLE|CONT|nT|FC|COMM|SOFT=.*|KEY=.*|AV)$/;

function alike(a: LeafAttributes, b: LeafAttributes): boolean {
  if (a.bytes === b.bytes) return a.bits === b.bits;
  const names = ({ names }: LeafAttributes) =>
    names
      .split(' ')
      .filter((name) => !SIZE_NAMES.test(name))
      .join();
  return names(a) === names(b);
}
