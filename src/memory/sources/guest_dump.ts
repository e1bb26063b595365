/** The dump of a guest, together with what its QEMU tells and writes into the dumps of some machines only. */

import type { ControlRegisters, MachineMemory, PhysicalRange } from '../machine_memory.ts';
import type { Vmcoreinfo } from '../vmcoreinfo.ts';
import { monitorRegisters } from './qemu_monitor.ts';
import { isObject, type QmpConnection } from './qmp_connection.ts';

/** e_machine, by the name that QEMU has for a target. */
const MACHINES: Readonly<Record<string, number>> = {
  x86_64: 62,
  aarch64: 183,
  s390x: 22,
  ppc64: 21,
  riscv64: 243,
  loongarch64: 258,
};

export interface GuestFacts {
  machine: number | undefined;
  cpus: ControlRegisters[];
}

export class GuestDump implements MachineMemory {
  readonly kind: string;
  readonly machine: number | undefined;
  readonly littleEndian: boolean;
  readonly vmcoreinfo: Vmcoreinfo | undefined;
  readonly cpus: readonly ControlRegisters[];
  readonly ranges: readonly PhysicalRange[];
  readonly leftOut: string | undefined;
  readonly #dump: MachineMemory;

  constructor(dump: MachineMemory, told: GuestFacts) {
    this.kind = `guest, dumped by QMP: ${dump.kind}`;
    this.machine = dump.machine ?? told.machine;
    this.littleEndian = dump.littleEndian;
    this.vmcoreinfo = dump.vmcoreinfo;
    this.cpus = dump.cpus.length > 0 ? dump.cpus : told.cpus;
    this.ranges = dump.ranges;
    this.leftOut = dump.leftOut;
    this.#dump = dump;
  }

  readFrame(pfn: number): Uint8Array | undefined {
    return this.#dump.readFrame(pfn);
  }
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
