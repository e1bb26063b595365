/** ELF64 core files as physical memory: vmcores, kdumps, QEMU's dump-guest-memory. */

import type { ByteSource } from './byte_source.ts';
import { type CoreSegment, disjointSegments, firstSegmentAbove } from './core_segments.ts';
import { findVmcoreinfo } from './elf_notes.ts';
import { type ElfReader, openCore, PT_LOAD, PT_NOTE, readProgramHeaders, viewOf } from './elf64.ts';
import { PAGE_SIZE, type PageSource, type PageWords, WORDS_PER_PAGE } from './physical_memory.ts';
import { Vmcoreinfo } from './vmcoreinfo.ts';

/** Frames kept after they were read: 1 MiB, more tables than any walk has open. */
const CACHED_FRAMES = 256;

/**
 * The physical memory of an ELF64 core file (ET_CORE), of any machine and either byte order.
 *
 * Physical addresses are those of the PT_LOAD program headers (p_paddr), sizes what the file has (p_filesz). Where
 * segments overlap, the first in the file is believed.
 */
export class ElfCore implements PageSource {
  /** The machine's number (e_machine): 62 is x86-64, 183 AArch64, 22 s390, 21 PowerPC64, 243 RISC-V, 258 LoongArch. */
  readonly machine: number;
  readonly littleEndian: boolean;
  /** What the file has of physical memory: disjoint, sorted by address. */
  readonly segments: readonly CoreSegment[];
  /** What the kernel wrote about itself, where the file has it. */
  readonly vmcoreinfo: Vmcoreinfo | undefined;
  readonly #reader: ElfReader;
  readonly #cache = new Map<number, PageWords>();

  /**
   * Reads the headers and the notes; pages are read when asked for. `where` names the file in errors.
   * @throws InputError ('bad-format') where this is not a core file, or the file lacks what its headers announce.
   */
  constructor(source: ByteSource, where: string) {
    const { reader, header } = openCore(source, where);
    const notes = [];
    const loads: CoreSegment[] = [];
    for (const programHeader of readProgramHeaders(reader, header)) {
      const { type, physicalAddress, fileSize, fileOffset } = programHeader;
      if (type === PT_NOTE) notes.push(programHeader);
      if (type === PT_LOAD && physicalAddress !== undefined) {
        loads.push({ start: physicalAddress, size: fileSize, fileOffset });
      }
    }
    const vmcoreinfo = findVmcoreinfo(reader, notes);
    this.machine = header.machine;
    this.littleEndian = reader.littleEndian;
    this.segments = disjointSegments(loads);
    this.vmcoreinfo = vmcoreinfo === undefined ? undefined : new Vmcoreinfo(vmcoreinfo);
    this.#reader = reader;
  }

  /**
   * The words of a frame in the file's byte order; undefined where the file has no byte of it. What the file lacks of
   * a frame that it has in part reads as zeros.
   * @throws InputError where the file cannot be read any more.
   */
  readPage(pfn: number): PageWords | undefined {
    const cached = this.#cache.get(pfn);
    if (cached !== undefined) return cached;
    const bytes = this.#readFrame(pfn * PAGE_SIZE);
    if (bytes === undefined) return undefined;
    const words = wordsOf(bytes, this.littleEndian);
    if (this.#cache.size === CACHED_FRAMES) this.#cache.delete(this.#cache.keys().next().value!);
    this.#cache.set(pfn, words);
    return words;
  }

  #readFrame(address: number): Uint8Array | undefined {
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

function wordsOf(bytes: Uint8Array, littleEndian: boolean): PageWords {
  const view = viewOf(bytes);
  const words = new Uint32Array(2 * WORDS_PER_PAGE);
  const lowHalf = littleEndian ? 0 : 4;
  for (let at = 0; at < PAGE_SIZE; at += 8) {
    words[at >>> 2] = view.getUint32(at + lowHalf, littleEndian);
    words[(at >>> 2) + 1] = view.getUint32(at + (lowHalf ^ 4), littleEndian);
  }
  return words;
}
