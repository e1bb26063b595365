/** A source, and what was learnt elsewhere of the machine that it is of. */

import type { ControlRegisters, FrameSource, MachineMemory, PhysicalRange } from './machine_memory.ts';
import type { Vmcoreinfo } from './vmcoreinfo.ts';

/** What stands in place of what the source says itself. */
export interface Learnt {
  readonly kind?: string;
  readonly machine?: number | undefined;
  readonly vmcoreinfo?: Vmcoreinfo;
  readonly cpus?: readonly ControlRegisters[];
}

export class MemoryWith implements MachineMemory {
  readonly kind: string;
  readonly machine: number | undefined;
  readonly littleEndian: boolean;
  readonly vmcoreinfo: Vmcoreinfo | undefined;
  readonly cpus: readonly ControlRegisters[];
  readonly leftOut: string | undefined;
  readonly xen: boolean;
  readonly #memory: MachineMemory;

  constructor(memory: MachineMemory, learnt: Learnt) {
    this.kind = learnt.kind ?? memory.kind;
    this.machine = learnt.machine ?? memory.machine;
    this.littleEndian = learnt.vmcoreinfo?.littleEndian ?? memory.littleEndian;
    this.vmcoreinfo = learnt.vmcoreinfo ?? memory.vmcoreinfo;
    this.cpus = learnt.cpus ?? memory.cpus;
    this.leftOut = memory.leftOut;
    this.xen = memory.xen === true;
    this.#memory = memory;
  }

  get ranges(): readonly PhysicalRange[] {
    return this.#memory.ranges;
  }

  get machineRanges(): readonly PhysicalRange[] {
    return this.#memory.machineRanges ?? this.#memory.ranges;
  }

  readFrame(pfn: number): ReturnType<FrameSource['readFrame']> {
    return this.#memory.readFrame(pfn);
  }
}
