import { describe, expect, test } from 'vitest';
import { InputError } from '../../../../src/errors.ts';
import { factsOfDump } from '../../../../src/linux/arch/s390/dump_facts.ts';
import { S390 } from '../../../../src/linux/arch/s390/index.ts';
import type { S390Kernel } from '../../../../src/linux/arch/s390/s390_kernel.ts';
import type { MachineMemory } from '../../../../src/memory/machine_memory.ts';
import { parseScenario, runScenario, startMachine } from '../../../../src/scenario/index.ts';
import { readCore } from '../../../support/real_core.ts';
import { readS390Core, S390_CORES } from '../../../support/s390_core.ts';
import { GIB, MIB, s390 } from '../../../support/s390_machines.ts';

/** The memory of a kernel that the model has booted, as a dump of it. */
function dumpOf(k: S390Kernel): MachineMemory {
  const parts = { machine: S390.elfMachine, littleEndian: false, cpus: [{ CR13: BigInt(k.root) | 7n }] };
  return parts as unknown as MachineMemory;
}

describe('of a dump is learnt', () => {
  test.each(S390_CORES)('where memory lies in %s', (name) => {
    const { tables, root, memory } = readS390Core(name);
    const facts = factsOfDump(readCore(name), tables, name, { root });
    expect(facts).toMatchObject({ root, levels: 3, page_offset: 0, ram: memory });
    expect(facts.tableFrames.has(root / 4096 + 3)).toBe(true);
    expect(facts.tableFrames.size).toBeGreaterThan(20);
  });

  test('the top table, from control register 13', () => {
    const k = s390('v7.2', { levels: 4, identity_base: 4 * GIB });
    const facts = factsOfDump(dumpOf(k), k.memory, 'test', {});
    expect(facts).toMatchObject({ root: k.root, levels: 4, page_offset: 4 * GIB });
    expect(facts.ram).toEqual([{ start: 0, end: 64 * MIB, type: 'RAM' }]);
  });

  test('nothing without it, or where nothing is mapped', () => {
    const k = s390('v7.2');
    const silent = { ...dumpOf(k), cpus: [] } as unknown as MachineMemory;
    expect(() => factsOfDump(silent, k.memory, 'test', {})).toThrow(InputError);
    expect(() => factsOfDump(silent, k.memory, 'test', { root: 32 * MIB })).toThrow(/direct map/);
    const tables = readS390Core(S390_CORES[0]!).tables;
    expect(() => factsOfDump(silent, tables, 'test', { root: 2 ** 40 })).toThrow(/top table/);
  });
});

test('a script runs on a real kernel: one page goes, 255 stay, and it comes back', () => {
  const program = parseScenario(
    `const page = alloc_pages(0);
     expect(set_direct_map_invalid_noflush(page), 0);
     expect(kernel_page_present(page), 0);
     expect(kernel_page_present(page ^ 1), 1);
     fail_every_alloc();
     expect(set_direct_map_default_noflush(page), 0);
     write_page(page);`,
    'script',
  );
  const name = 's390x-7.2-edat';
  const { root } = readS390Core(name);
  const dump = { memory: readCore(name), name, hints: { root } };
  const outcome = runScenario(program, startMachine(program, { arch: 's390x', kernel: 'v7.2', dump }));
  expect(outcome).toMatchObject({ ended: 'finished', expectationsFailed: 0, arch: 's390x' });
});
