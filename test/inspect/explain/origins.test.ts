import { expect, test } from 'vitest';
import type { LeafAttributes } from '../../../src/inspect/address_space.ts';
import { originsOf } from '../../../src/inspect/explain/origins.ts';
import type { Machine } from '../../../src/inspect/index.ts';

/** Who leaves a leaf of these bits in the direct map of x86. */
function whoLeaves(names: string, level: number): string[] {
  const leaf = { names, level, present: false } as LeafAttributes;
  const machine = { arch: 'x86_64', version: undefined } as Machine;
  return originsOf(machine, leaf, { name: 'direct map', start: 0, end: 0 }).map(({ who }) => who);
}

test('only a page that keeps G is taken for one of KFENCE, which guards no large leaf', () => {
  expect(whoLeaves('RW A D PROTNONE NX', 1)).toEqual([expect.stringContaining('KFENCE')]);
  expect(whoLeaves('RW A D PSE PROTNONE NX', 2)).toEqual(['unknown']);
  expect(whoLeaves('RW A D PSE NX', 2).join()).not.toContain('KFENCE');
  expect(whoLeaves('RW A D NX', 1).join()).toContain('KFENCE');
});
