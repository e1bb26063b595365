/** The dump of a guest, together with what its QEMU tells and writes into the dumps of some machines only. */

import { EM_AARCH64, EM_LOONGARCH, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64 } from '../elf_machine.ts';
import type { ControlRegisters, MachineMemory } from '../machine_memory.ts';
import { MemoryWith } from '../memory_with.ts';
import { monitorRegisters } from './qemu_monitor.ts';
import { isObject, type QmpConnection } from './qmp_connection.ts';

/** e_machine, by the name that QEMU has for a target. */
const MACHINES: Readonly<Record<string, number>> = {
  x86_64: EM_X86_64,
  aarch64: EM_AARCH64,
  s390x: EM_S390,
  ppc64: EM_PPC64,
  riscv64: EM_RISCV,
  loongarch64: EM_LOONGARCH,
};

export interface GuestFacts {
  machine: number | undefined;
  cpus: ControlRegisters[];
}

/** What is in the dump goes before what QEMU says beside it, but for its kind. */
export function guestDump(dump: MachineMemory, told: GuestFacts): MachineMemory {
  return new MemoryWith(dump, {
    kind: `guest, dumped by QMP: ${dump.kind}`,
    machine: dump.machine ?? told.machine,
    cpus: dump.cpus.length > 0 ? dump.cpus : told.cpus,
  });
}

/** @throws InputError where QEMU does not answer. */
export async function askGuest(connection: QmpConnection): Promise<GuestFacts> {
  const target = await connection.execute('query-target');
  const arch = isObject(target) ? String(target.arch) : '';
  const registers = await connection.execute('human-monitor-command', {
    'command-line': 'info registers -a',
  });
  const cpus = typeof registers === 'string' ? monitorRegisters(registers) : [];
  return { machine: MACHINES[arch], cpus: cpus.filter((cpu) => Object.keys(cpu).length > 0) };
}
