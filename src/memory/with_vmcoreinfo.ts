/** A source that did not know its VMCOREINFO, which was found elsewhere. */

import type { ControlRegisters, MachineMemory, PhysicalRange } from './machine_memory.ts';
import type { Vmcoreinfo } from './vmcoreinfo.ts';

export class WithVmcoreinfo implements MachineMemory {
  readonly vmcoreinfo: Vmcoreinfo;
  readonly #memory: MachineMemory;

  constructor(memory: MachineMemory, vmcoreinfo: Vmcoreinfo) {
    this.#memory = memory;
    this.vmcoreinfo = vmcoreinfo;
  }

  get kind(): string {
    return this.#memory.kind;
  }

  get machine(): number | undefined {
    return this.#memory.machine;
  }

  get littleEndian(): boolean {
    return this.#memory.littleEndian;
  }

  get cpus(): readonly ControlRegisters[] {
    return this.#memory.cpus;
  }

  get ranges(): readonly PhysicalRange[] {
    return this.#memory.ranges;
  }

  get leftOut(): string | undefined {
    return this.#memory.leftOut;
  }

  get xen(): boolean {
    return this.#memory.xen === true;
  }

  readFrame(pfn: number): Uint8Array | undefined {
    return this.#memory.readFrame(pfn);
  }
}
