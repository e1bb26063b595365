/** Live guests of QEMU as physical memory, read at their debugger port. */

import type { ControlRegisters, MachineMemory, PhysicalRange } from '../machine_memory.ts';
import { PAGE_SIZE } from '../physical_memory.ts';
import { RemoteFrames } from './remote_frames.ts';
import { SILENCE } from './socket_address.ts';

export interface OpenedGuest {
  readonly memory: MachineMemory;
  /** Lets the guest run on if it did before. `memory` must not be read afterwards. A second call does nothing. */
  close(): void;
}

/** No physical address of any machine reaches this. */
const MAX_FRAME = 2 ** 40;

class GdbMemory implements MachineMemory {
  readonly kind = 'guest at its debugger port';
  readonly machine: number | undefined;
  readonly littleEndian: boolean;
  readonly vmcoreinfo = undefined;
  readonly cpus: readonly ControlRegisters[];
  /** Empty if the monitor did not tell. */
  readonly ranges: readonly PhysicalRange[];
  readonly leftOut = undefined;
  readonly #frames: RemoteFrames;

  constructor(frames: RemoteFrames) {
    const { machine, littleEndian, cpus, ranges } = frames.facts;
    this.machine = machine;
    this.littleEndian = littleEndian;
    this.cpus = cpus;
    this.ranges = ranges;
    this.#frames = frames;
  }

  /**
   * QEMU reads zeros where there is nothing, and asks devices where there are some: what is known not to be memory is
   * not asked for.
   */
  readFrame(pfn: number): Uint8Array | undefined {
    if (!Number.isInteger(pfn) || pfn < 0 || pfn >= MAX_FRAME) return undefined;
    if (this.ranges.length > 0 && !this.#hasFrame(pfn * PAGE_SIZE)) return undefined;
    return this.#frames.readFrame(pfn);
  }

  #hasFrame(address: number): boolean {
    return this.ranges.some(({ start, size }) => start <= address && address + PAGE_SIZE <= start + size);
  }
}

/**
 * Attaches to QEMU's debugger port: "gdb:HOST:PORT" or "gdb:/path/to/socket". The guest stands still until `close`, or
 * until this program ends. `silence` is how long it may not answer, in milliseconds.
 * @throws InputError where there is no such port, or its other end is not QEMU with a whole machine.
 */
export async function openGdb(address: string, silence = SILENCE): Promise<OpenedGuest> {
  const remote = { address: address.replace(/^gdb:/, ''), where: address, silence };
  const frames = await RemoteFrames.open(remote);
  return { memory: new GdbMemory(frames), close: () => frames.close() };
}
