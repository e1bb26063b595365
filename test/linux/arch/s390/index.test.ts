import { expect, test } from 'vitest';
import { architectureNamed } from '../../../../src/linux/arch/index.ts';
import { S390 } from '../../../../src/linux/arch/s390/index.ts';
import { changesOfPreset, PRESETS, parseKernelVersion } from '../../../../src/linux/kernels.ts';
import { call, flagsOf, MIB, s390 } from '../../../support/s390_machines.ts';

test('s390x is known by its two names', () => {
  for (const name of ['s390x', 's390', 'S390X']) expect(architectureNamed(name, 'test')).toBe(S390);
});

test('every change of its own came with a preset', () => {
  const brought = new Set(PRESETS.flatMap((preset) => changesOfPreset(S390, preset)));
  for (const name of Object.keys(S390.changes)) expect(brought).toContain(name);
});

test('every call that a kernel does not have says why', () => {
  for (const preset of PRESETS) {
    const k = s390(preset.name);
    for (const { missing } of S390.calls) {
      const why = missing?.(k);
      if (why !== undefined) expect(why).toMatch(/change|CONFIG/);
    }
    expect(parseKernelVersion(preset.name, 'test', S390).arch).toBe(S390);
  }
});

test('an entry is none by its exact value, and a leaf by LARGE and since v7.2 by "present" too', () => {
  const [old, since] = [s390('v6.12').pgtable, s390('v7.2').pgtable];
  expect(since.none(1, 0x400, 0)).toBe(true);
  expect(since.none(1, 0x40_0400, 0)).toBe(false);
  expect(since.none(1, 0, 0)).toBe(false);
  expect(since.none(2, 0x20, 0)).toBe(true);
  expect(since.none(3, 0x20, 0)).toBe(false);
  expect([old.leaf(2, 0x3502, 0), since.leaf(2, 0x3502, 0)]).toEqual([true, false]);
  expect([old.leaf(2, 0x3523, 0), since.leaf(2, 0x3521, 0)]).toEqual([true, true]);
  expect([since.leaf(4, 0x40f, 0), since.leaf(1, 0, 0)]).toEqual([false, true]);
  expect(since.present(1, 0x53d, 0)).toBe(true);
  expect(since.table(2, 0x1_2345_6800)).toEqual({ low: 0x2345_6801, high: 1 });
  expect(old.table(2, 0x2345_6800)).toEqual({ low: 0x2345_6800, high: 0 });
  expect(old.table(3, 0x4000)).toEqual({ low: 0x4007, high: 0 });
});

test.each(Object.keys(S390.changes))('a kernel with %s put in, or taken out, boots and splits', (change) => {
  for (const version of [`v5.10+${change}`, `v7.2~${change}`]) {
    const k = s390(version);
    expect(call(k.set_memory_ro(40 * MIB + 4096, 1)), version).toBe(0);
    expect(flagsOf(k, 40 * MIB + 4096), version).toEqual([1, 0x31d]);
    expect(flagsOf(k, 40 * MIB), version).toEqual([1, 0x13d]);
    expect(flagsOf(k, 0), version).toEqual([1, 0x3d]);
  }
});
