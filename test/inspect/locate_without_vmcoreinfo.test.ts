/** Where the tables of real kernels are found if nothing of VMCOREINFO is there: by one symbol, by a register. */

import { expect, test } from 'vitest';
import { Machine, SymbolTable } from '../../src/inspect/index.ts';
import type { ElfCore } from '../../src/memory/elf_core.ts';
import type { ControlRegisters, MachineMemory } from '../../src/memory/machine_memory.ts';
import { readCore, readDescription } from '../support/real_core.ts';

/** A core without its notes. */
function silent(core: ElfCore, cpus: readonly ControlRegisters[] = []): MachineMemory {
  const { kind, machine, littleEndian, ranges, leftOut } = core;
  const readFrame = (pfn: number) => core.readFrame(pfn);
  return { kind, machine, littleEndian, vmcoreinfo: undefined, cpus, ranges, leftOut, readFrame };
}

const BY_SYMBOL = [
  'arm64-6.12-16k-lpa2-rodata-off',
  'arm64-6.12-16k-rodata-off',
  'arm64-6.12-max',
  'ppc64-6.1-64k-p9',
  'ppc64-7.2-64k-p10',
  'ppc64-6.12-p10',
  'riscv64-6.12',
  'riscv64-7.2-sv39',
  'riscv64-7.2-sv48',
  's390x-6.1-edat',
  's390x-6.12-edat',
  'x86_64-6.1-debian',
  'x86_64-6.1-la57',
  'x86_64-7.2-la57',
  'x86_64-6.12-pti',
  'x86_64-7.2-kaslr',
  'x86_64-7.2-la57-kaslr',
];

test.each(BY_SYMBOL)('the symbol of the top table is enough for %s', (name) => {
  const core = readCore(name);
  const symbol = core.vmcoreinfo!.symbol('swapper_pg_dir')!;
  const symbols = new SymbolTable(`${symbol.toString(16).padStart(16, '0')} D swapper_pg_dir`);
  const told = new Machine(core, {}, name);
  const machine = new Machine(silent(core), { symbols }, name);
  expect(machine.located.root).toBe(told.located.root);
  expect(machine.format.name).toBe(told.format.name);
  expect(machine.directMap).toEqual(told.directMap);
  expect(machine.tableCounts).toEqual(told.tableCounts);
});

test('TTBR1_EL1 of a CPU in user mode under KPTI leads to the table of the kernel', () => {
  const name = 'arm64-5.10-rodata-off';
  const core = readCore(name);
  const root = BigInt(readDescription(name).root);
  // T1SZ 16 and TG1 4K; bits 63..48 of TTBR1_EL1 are an ASID.
  const cpu = (table: bigint) => [{ TTBR1_EL1: (7n << 48n) | table, TCR_EL1: (2n << 30n) | (16n << 16n) }];
  for (const table of [root, root - 0x2000n]) {
    const machine = new Machine(silent(core, cpu(table)), {}, name);
    expect(machine.located.root).toBe(Number(root));
  }
  // What is neither is taken as it is.
  const machine = new Machine(silent(core, cpu(root - 0x1000n)), {}, name);
  expect(machine.located.root).toBe(Number(root) - 0x1000);
});
