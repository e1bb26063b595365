/** Physical memory as it is, without headers: a copy of /dev/mem, a guest's memory-backend file, QEMU's pmemsave. */

import { InputError } from '../errors.ts';
import type { ByteSource } from './byte_source.ts';
import { type CoreSegment, SegmentedMemory } from './core_segments.ts';
import type { MachineMemory, PhysicalRange } from './machine_memory.ts';
import type { Vmcoreinfo } from './vmcoreinfo.ts';

/** Bytes of the file that are consecutive bytes of memory. */
export interface RawSegment {
  /** Physical address of the first byte. */
  readonly physical: number;
  /** Where it is in the file. */
  readonly offset: number;
  /** In bytes; up to the end of the file where undefined. */
  readonly size?: number;
}

/** What a file without headers cannot say. */
export interface RawLayout {
  /** The whole file at address 0 where undefined. Where segments overlap, the first is believed. */
  readonly segments?: readonly RawSegment[];
  /** True where undefined. */
  readonly littleEndian?: boolean;
  /** e_machine. */
  readonly machine?: number;
  readonly vmcoreinfo?: Vmcoreinfo;
}

export class RawMemory implements MachineMemory {
  readonly kind = 'raw memory';
  readonly machine: number | undefined;
  readonly littleEndian: boolean;
  readonly vmcoreinfo: Vmcoreinfo | undefined;
  readonly cpus = [];
  readonly leftOut = undefined;
  readonly #memory: SegmentedMemory;

  /** @throws InputError ('out-of-range') where a segment is not within the file, or ends above 2^53. */
  constructor(source: ByteSource, where: string, layout: RawLayout = {}) {
    const { segments = [{ physical: 0, offset: 0 }], littleEndian = true } = layout;
    this.machine = layout.machine;
    this.littleEndian = littleEndian;
    this.vmcoreinfo = layout.vmcoreinfo;
    const placed = segments.map((segment) => placeSegment(segment, source.size, where));
    this.#memory = new SegmentedMemory(
      source,
      placed.filter(({ size }) => size > 0),
    );
  }

  get ranges(): readonly PhysicalRange[] {
    return this.#memory.segments;
  }

  /** What the file lacks of a frame that it has in part reads as zeros. */
  readFrame(pfn: number): Uint8Array | undefined {
    return this.#memory.readFrame(pfn);
  }

  /** As `readFrame`, of any part of memory: undefined where the file has no byte of it, zeros where it lacks some. */
  readRange(start: number, length: number, into?: Uint8Array): Uint8Array | undefined {
    return this.#memory.readRange(start, length, into);
  }
}

function placeSegment({ physical, offset, size }: RawSegment, fileSize: number, where: string): CoreSegment {
  const outOfRange = (what: string, found: string, expected: string) =>
    new InputError({ code: 'out-of-range', what, where, found, expected });
  if (!(Number.isSafeInteger(offset) && offset >= 0 && offset <= fileSize)) {
    throw outOfRange('offset of a segment', `${offset}`, `0..${fileSize}, the size of the file`);
  }
  const length = size ?? fileSize - offset;
  if (!(Number.isSafeInteger(length) && length >= 0 && length <= fileSize - offset)) {
    throw outOfRange(
      'size of a segment',
      `${length}`,
      `0..${fileSize - offset}, what the file has from ${offset} on`,
    );
  }
  if (!(physical >= 0 && Number.isSafeInteger(physical + length))) {
    throw outOfRange('physical address of a segment', `${physical}`, 'an address below 2^53');
  }
  return { start: physical, size: length, fileOffset: offset };
}
