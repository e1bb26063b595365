/** ELF64 core files as physical memory: vmcores, kdumps, QEMU's dump-guest-memory. */

import type { ByteSource } from './byte_source.ts';
import { type CoreSegment, disjointSegments, SegmentedMemory } from './core_segments.ts';
import { readNotes } from './elf_notes.ts';
import { openCore, PT_LOAD, PT_NOTE, readProgramHeaders } from './elf64.ts';
import { FrameWords } from './frame_words.ts';
import type { ControlRegisters, MachineMemory, PhysicalRange } from './machine_memory.ts';
import type { PageSource, PageWords } from './physical_memory.ts';
import type { Vmcoreinfo } from './vmcoreinfo.ts';

/**
 * The physical memory of an ELF64 core file (ET_CORE), of any machine and either byte order.
 *
 * Physical addresses are those of the PT_LOAD program headers (p_paddr), sizes what the file has (p_filesz). Where
 * segments overlap, the first in the file is believed.
 */
export class ElfCore implements MachineMemory, PageSource {
  readonly kind = 'ELF core';
  readonly machine: number;
  readonly littleEndian: boolean;
  readonly vmcoreinfo: Vmcoreinfo | undefined;
  readonly cpus: readonly ControlRegisters[];
  /** Not what, but whether: the headers tell of more memory than the file has. */
  readonly leftOut: string | undefined;
  readonly xen: boolean;
  readonly machineRanges: readonly PhysicalRange[];
  readonly #memory: SegmentedMemory;
  readonly #words: FrameWords;

  /**
   * Reads the headers and the notes; pages are read when asked for. `where` names the file in errors.
   * @throws InputError ('bad-format') where this is not a core file, or the file lacks what its headers announce.
   */
  constructor(source: ByteSource, where: string) {
    const { reader, header } = openCore(source, where);
    const noteSegments = [];
    const loads: CoreSegment[] = [];
    const memory: CoreSegment[] = [];
    let hasLess = false;
    for (const programHeader of readProgramHeaders(reader, header)) {
      const { type, physicalAddress, fileSize, fileOffset, memorySize } = programHeader;
      if (type === PT_NOTE) noteSegments.push(programHeader);
      if (type === PT_LOAD && physicalAddress !== undefined) {
        if (fileSize > 0) loads.push({ start: physicalAddress, size: fileSize, fileOffset });
        if (memorySize > fileSize) hasLess = true;
        memory.push({ start: physicalAddress, size: memorySize, fileOffset: 0 });
      }
    }
    const notes = readNotes(reader, noteSegments);
    this.machine = header.machine;
    this.littleEndian = reader.littleEndian;
    this.vmcoreinfo = notes.vmcoreinfo;
    this.cpus = notes.cpus;
    this.xen = notes.xen;
    this.#memory = new SegmentedMemory(source, loads);
    this.leftOut = hasLess ? 'a part of the memory' : undefined;
    this.machineRanges = hasLess ? disjointSegments(memory) : this.#memory.segments;
    this.#words = new FrameWords(this, this.littleEndian);
  }

  /** What the file has of physical memory, and where: disjoint, sorted by address. */
  get segments(): readonly CoreSegment[] {
    return this.#memory.segments;
  }

  get ranges(): readonly CoreSegment[] {
    return this.segments;
  }

  /**
   * The words of a frame in the file's byte order; undefined where the file has no byte of it.
   * @throws InputError where the file cannot be read any more.
   */
  readPage(pfn: number): PageWords | undefined {
    return this.#words.readPage(pfn);
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
