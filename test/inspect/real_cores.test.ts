/** What the inspector finds in the page tables of real kernels, against what was counted on the machine. */

import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { NotModelledError } from '../../src/errors.ts';
import { leavesByBits, Machine, survey } from '../../src/inspect/index.ts';
import { type CoreDescription, readCore, readDescription, signedAddress } from '../support/real_core.ts';

const HASH = 'ppc64-6.12-p8-hash';
const WINDOWS = 'loong64-7.2';

const DESCRIBED = readdirSync(new URL('../data/cores/', import.meta.url))
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.slice(0, -'.json'.length));

/** With no help but the root, where the kernel wrote nothing about itself. */
function inspect(name: string, description: CoreDescription): Machine {
  const core = readCore(name);
  return new Machine(core, core.vmcoreinfo === undefined ? { root: Number(description.root) } : {}, name);
}

test('there are cores of all architectures to look at', () => {
  const archs = new Set(DESCRIBED.map((name) => readDescription(name).arch));
  expect([...archs].sort()).toEqual(['arm64', 'loongarch64', 'ppc64', 'riscv64', 's390x', 'x86_64']);
});

describe.each(DESCRIBED.filter((name) => name !== HASH && name !== WINDOWS))('%s', (name) => {
  const description = readDescription(name);
  const machine = inspect(name, description);

  test('is found where it is', () => {
    expect(machine.arch).toBe(description.arch);
    expect(machine.located.root).toBe(Number(description.root));
    expect(machine.format.levels).toBe(description.levels);
    expect(machine.pageBytes).toBe(description.pageSize);
    const [virtual, physical] = description.linearRanges?.[0] ?? [description.pageOffset, '0x0'];
    expect(machine.directMap!.offset).toBe(signedAddress(virtual) - Number(physical));
  });

  test('has the leaves in its direct map that another walker counted', () => {
    const { directMap } = survey(machine, []);
    const { countsNotPresent } = machine.located;
    const leaves = leavesByBits(directMap!.leaves, ({ present }) => present || countsNotPresent);
    expect(leaves).toEqual(description.linearLeaves);
  });

  test('has regions that follow one another over all of its space, on whole pages', () => {
    const { regions, located, pageBytes } = machine;
    expect(regions[0]!.start).toBe(located.space.start);
    expect(regions.at(-1)!.end).toBe(located.space.end);
    for (const [index, { start, end }] of regions.entries()) {
      if (index > 0) expect(start).toBe(regions[index - 1]!.end);
      expect(start < end || end === 0).toBe(true);
      expect(Math.abs(start % pageBytes)).toBe(0);
    }
  });

  test('has nothing in it that a walk cannot read', () => {
    const kinds = new Set([...machine.stretches()].map(({ kind }) => kind));
    expect(kinds.has('missing') || kinds.has('bad')).toBe(false);
  });

  test('reads the same by regions as at once', () => {
    const pages = (kind: string, stretches: Iterable<{ kind: string; pages: number }>) =>
      [...stretches].filter((each) => each.kind === kind).reduce((sum, each) => sum + each.pages, 0);
    for (const kind of ['leaf', 'not-present', 'shared']) {
      const byRegion = machine.regions.map((region) => pages(kind, machine.stretches(region)));
      expect(byRegion.reduce((sum, each) => sum + each)).toBe(pages(kind, machine.stretches()));
    }
  });
});

test('the linear map of a hash MMU is refused by name', () => {
  expect(() => inspect(HASH, readDescription(HASH))).toThrow(NotModelledError);
  expect(() => inspect(HASH, readDescription(HASH))).toThrow(/hash MMU/);
});

test('where windows of the CPU map memory, they are named, and no direct map is made up', () => {
  const description = readDescription(WINDOWS);
  const machine = inspect(WINDOWS, description);
  expect(machine.located.root).toBe(Number(description.root));
  expect(machine.format.levels).toBe(description.levels);
  expect(machine.directMap).toBeUndefined();
  expect(machine.located.windows).toMatch(/0x9000000000000000/);
  const surveyed = survey(machine, []);
  expect(surveyed.directMap).toBeUndefined();
  expect(surveyed.fragmentation).toEqual([]);
  const leaves: Record<string, number> = {};
  for (const { leaf, count } of surveyed.regions.flatMap((region) => region.leaves)) {
    leaves[leaf.bytes] = (leaves[leaf.bytes] ?? 0) + count;
  }
  expect(leaves).toEqual(description.allLeaves);
});

test.each([
  ['x86_64-7.2-kaslr', 4],
  ['x86_64-7.2-la57', 5],
  ['x86_64-7.2-pti', 4],
  ['x86_64-6.1-la57', 5],
  ['x86_64-5.10-nogbpages', 4],
] as const)('%s, of which there is no description, is found by itself', (name, levels) => {
  const machine = new Machine(readCore(name), {}, name);
  expect(machine.format.levels).toBe(levels);
  expect(machine.directMap!.offset! % 2 ** 30).toBe(-0);
  expect(survey(machine, []).directMap!.leaves.length).toBeGreaterThan(0);
});
