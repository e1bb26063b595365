/** ELF64 core files as physical memory: vmcores, kdumps, QEMU's dump-guest-memory. */

import type { ByteSource } from './byte_source.ts';
import { type CoreSegment, disjointSegments, firstSegmentAbove } from './core_segments.ts';
import { readNotes } from './elf_notes.ts';
import { type ElfReader, openCore, PT_LOAD, PT_NOTE, readProgramHeaders } from './elf64.ts';
import { FrameWords } from './frame_words.ts';
import type { ControlRegisters, MachineMemory } from './machine_memory.ts';
import { PAGE_SIZE, type PageSource, type PageWords } from './physical_memory.ts';
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
  /** An ELF core does not say what was left out of it. */
  readonly leftOut = undefined;
  /** What the file has of physical memory, and where: disjoint, sorted by address. */
  readonly segments: readonly CoreSegment[];
  readonly #reader: ElfReader;
  readonly #words: FrameWords;

  /**
   * Reads the headers and the notes; pages are read when asked for. `where` names the file in errors.
   * @throws InputError ('bad-format') where this is not a core file, or the file lacks what its headers announce.
   */
  constructor(source: ByteSource, where: string) {
    const { reader, header } = openCore(source, where);
    const noteSegments = [];
    const loads: CoreSegment[] = [];
    for (const programHeader of readProgramHeaders(reader, header)) {
      const { type, physicalAddress, fileSize, fileOffset } = programHeader;
      if (type === PT_NOTE) noteSegments.push(programHeader);
      if (type === PT_LOAD && physicalAddress !== undefined) {
        loads.push({ start: physicalAddress, size: fileSize, fileOffset });
      }
    }
    const notes = readNotes(reader, noteSegments);
    this.machine = header.machine;
    this.littleEndian = reader.littleEndian;
    this.segments = disjointSegments(loads);
    this.vmcoreinfo = notes.vmcoreinfo;
    this.cpus = notes.cpus;
    this.#reader = reader;
    this.#words = new FrameWords(this, this.littleEndian);
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
    const address = pfn * PAGE_SIZE;
    const end = address + PAGE_SIZE;
    let frame: Uint8Array | undefined;
    for (let index = firstSegmentAbove(this.segments, address); index < this.segments.length; index++) {
      const segment = this.segments[index]!;
      if (!(segment.start < end)) break;
      const from = Math.max(address, segment.start);
      const length = Math.min(end, segment.start + segment.size) - from;
      const bytes = this.#reader.bytes('page', segment.fileOffset + (from - segment.start), length);
      if (length === PAGE_SIZE) return bytes;
      frame ??= new Uint8Array(PAGE_SIZE);
      frame.set(bytes, from - address);
    }
    return frame;
  }
}
