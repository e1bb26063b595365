/**
 * /proc/kcore: the memory of the running machine in the form of an ELF core (fs/proc/kcore.c of Linux). Its size means
 * nothing, its parts lie at offsets up to 2^56, and what is mapped elsewhere than in the direct map has no physical
 * address.
 */

import { closeSync, openSync, readSync } from 'node:fs';
import { InputError } from '../../errors.ts';
import type { ByteSource } from '../byte_source.ts';
import { type CoreSegment, SegmentedMemory } from '../core_segments.ts';
import { readNotes } from '../elf_notes.ts';
import { type CoreHeader, type ElfReader, openCore, PT_LOAD, PT_NOTE, viewOf } from '../elf64.ts';
import type { ControlRegisters, MachineMemory } from '../machine_memory.ts';
import type { Vmcoreinfo } from '../vmcoreinfo.ts';

const X86_64 = 62;
/** Where x86-64 had its direct map before KASLR moved it, and where that ended. */
const DIRECT_MAP = { start: 0xffff880000000000n, end: 0xffffc80000000000n };
/** Every PC has RAM below this address, in bytes. */
const LOW_MEMORY = 2n ** 20n;
/** p_paddr of what has no physical address. */
const NOWHERE = 2n ** 64n - 1n;
const MAX_NUMBER = 2n ** 53n - 1n;
/** The kernel has one for each stretch of RAM. */
const MAX_PROGRAM_HEADERS = 4096;

interface Load {
  fileOffset: bigint;
  virtualAddress: bigint;
  physicalAddress: bigint;
  size: bigint;
}

class KernelCore implements MachineMemory {
  readonly kind = 'memory of the running machine';
  readonly machine: number;
  readonly littleEndian: boolean;
  readonly vmcoreinfo: Vmcoreinfo | undefined;
  /** The kernel writes no control registers into it. */
  readonly cpus: readonly ControlRegisters[] = [];
  readonly leftOut = undefined;
  readonly #memory: SegmentedMemory;

  constructor(source: ByteSource, where: string) {
    const { reader, header } = openCore(source, where);
    const { loads, notes } = readHeaders(reader, header);
    this.machine = header.machine;
    this.littleEndian = reader.littleEndian;
    this.vmcoreinfo = readNotes(reader, notes).vmcoreinfo;
    this.#memory = new SegmentedMemory(source, physicalSegments(loads, header.machine, where));
  }

  get ranges(): readonly CoreSegment[] {
    return this.#memory.segments;
  }

  readFrame(pfn: number): Uint8Array | undefined {
    return this.#memory.readFrame(pfn);
  }

  readRange(start: number, length: number): Uint8Array | undefined {
    return this.#memory.readRange(start, length);
  }
}

/**
 * The physical memory of the machine that this runs on. It changes while it is read.
 * @throws InputError where the kernel does not let one read it, or does not say what is where.
 */
export function openKcore(path = '/proc/kcore'): { readonly memory: MachineMemory; close(): void } {
  const file = new KcoreFile(path);
  try {
    return { memory: new KernelCore(file, path), close: () => file.close() };
  } catch (error) {
    file.close();
    throw error;
  }
}

/** What can be read, it says by reading. */
class KcoreFile implements ByteSource {
  readonly size = Number.MAX_SAFE_INTEGER;
  readonly #path: string;
  #descriptor: number | undefined;

  constructor(path: string) {
    this.#path = path;
    try {
      this.#descriptor = openSync(path, 'r');
    } catch (error) {
      throw this.#unreadable(error);
    }
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const got = this.#readSome(bytes, done, offset + done);
      if (got === 0) throw this.#unreadable(`it has nothing at byte ${offset + done}`);
      done += got;
    }
    return bytes;
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #readSome(bytes: Uint8Array, done: number, position: number): number {
    if (this.#descriptor === undefined) throw this.#unreadable('it was closed');
    try {
      return readSync(this.#descriptor, bytes, done, bytes.length - done, position);
    } catch (error) {
      throw this.#unreadable(error);
    }
  }

  #unreadable(cause: unknown): InputError {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const because = REASONS[code] ?? (cause instanceof Error ? cause.message : String(cause));
    const what = 'the memory of this machine';
    return new InputError({ code: 'unreadable', what, where: this.#path, because });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file: this kernel is built without CONFIG_PROC_KCORE',
  EACCES: 'permission denied: only root may read it',
  EPERM: 'not permitted: it takes CAP_SYS_RAWIO, and a kernel that is not in lockdown mode "confidentiality"',
  EISDIR: 'it is a directory',
};

function readHeaders(reader: ElfReader, header: CoreHeader) {
  const { programHeaderOffset, programHeaderSize, programHeaderCount } = header;
  if (programHeaderCount > MAX_PROGRAM_HEADERS) {
    const found = `${programHeaderCount}`;
    throw reader.badFormat('number of program headers', found, `at most ${MAX_PROGRAM_HEADERS}`);
  }
  const table = reader.bytes('program headers', programHeaderOffset, programHeaderCount * programHeaderSize);
  const loads: Load[] = [];
  const notes: { fileOffset: number; fileSize: number }[] = [];
  for (let at = 0; at < table.length; at += programHeaderSize) {
    const view = viewOf(table.subarray(at, at + programHeaderSize));
    const word = (offset: number) => view.getBigUint64(offset, reader.littleEndian);
    const type = reader.u32(view, 0);
    if (type === PT_NOTE) {
      const fileOffset = reader.u64('p_offset of the notes', view, 8);
      notes.push({ fileOffset, fileSize: reader.u64('p_filesz of the notes', view, 32) });
    }
    if (type === PT_LOAD) {
      loads.push({
        fileOffset: word(8),
        virtualAddress: word(16),
        physicalAddress: word(24),
        size: word(32),
      });
    }
  }
  return { loads, notes };
}

function physicalSegments(loads: readonly Load[], machine: number, where: string): CoreSegment[] {
  const placed = loads.some(hasPhysicalAddress) ? loads : placeOldLoads(loads, machine, where);
  const segments: CoreSegment[] = [];
  for (const { physicalAddress, fileOffset, size } of placed) {
    // What is further up in the file than a number can say is there a second time: the image, in the direct map.
    if (physicalAddress + size > MAX_NUMBER || fileOffset + size > MAX_NUMBER) continue;
    segments.push({
      start: Number(physicalAddress),
      size: Number(size),
      fileOffset: Number(fileOffset),
    });
  }
  return segments;
}

function hasPhysicalAddress({ physicalAddress }: Load): boolean {
  return physicalAddress !== 0n && physicalAddress !== NOWHERE;
}

/** Kernels before v4.12 give no physical addresses. On x86-64 without KASLR they can be told from the virtual ones. */
function placeOldLoads(loads: readonly Load[], machine: number, where: string): Load[] {
  const { start, end } = DIRECT_MAP;
  const mapped = loads.filter(({ virtualAddress }) => virtualAddress >= start && virtualAddress < end);
  if (machine === X86_64 && mapped.some(({ virtualAddress }) => virtualAddress - start < LOW_MEMORY)) {
    return mapped.map((load) => ({ ...load, physicalAddress: load.virtualAddress - start }));
  }
  throw new InputError({
    code: 'bad-format',
    what: 'program headers of the memory of this machine',
    where,
    found: 'no physical address',
    expected: 'those that kernels since v4.12 give',
  });
}
