/**
 * The notes of a core file (ELF gABI, chapter 5, "Note Section"), of which directmap wants two: VMCOREINFO, and what
 * QEMU says of each CPU.
 *
 *     namesz:4 descsz:4 type:4  name, padded to 4  description, padded to 4
 *
 * Linux pads to 4 bytes in ELF64 cores too, and ends a list early with a note that has no name.
 */

import type { ElfReader } from './elf64.ts';
import type { ControlRegisters } from './machine_memory.ts';
import { Vmcoreinfo } from './vmcoreinfo.ts';

const HEADER_SIZE = 12;
/** Far more than any dump has: a dozen notes for each of 20,000 CPUs. */
const MAX_NOTES = 2 ** 18;
/** The kernel gives VMCOREINFO one page, of at most 64 KiB. */
const MAX_TEXT_SIZE = 2 ** 20;

/** QEMUCPUState of QEMU's target/i386/arch_dump.c: where CR0 is, and how long version 1 is at least. */
const QEMU_CR0 = 392;
const QEMU_STATE_SIZE = 432;

/** Of dumps that Xen's tools write, and of kernels that crashed under it. */
const XEN_NAMES = ['Xen', 'VMCOREINFO_XEN'];

export interface Notes {
  vmcoreinfo: Vmcoreinfo | undefined;
  cpus: ControlRegisters[];
  /** Whether there are notes of Xen's. */
  xen: boolean;
}

/** Where notes are in a file. */
export interface NoteSegment {
  readonly fileOffset: number;
  readonly fileSize: number;
}

/**
 * The first note named VMCOREINFO, and all of QEMU's, of any of the segments.
 * @throws InputError ('bad-format') where a note does not fit in its segment.
 */
export function readNotes(reader: ElfReader, segments: readonly NoteSegment[]): Notes {
  const found: Notes = { vmcoreinfo: undefined, cpus: [], xen: false };
  let notes = 0;
  for (const { fileOffset, fileSize } of segments) {
    const end = fileOffset + fileSize;
    let at = fileOffset;
    while (end - at >= HEADER_SIZE) {
      if (++notes > MAX_NOTES) throw reader.badFormat('number of notes', `${notes}`, `at most ${MAX_NOTES}`);
      const header = reader.view('note', at, HEADER_SIZE);
      const nameSize = reader.u32(header, 0);
      const size = reader.u32(header, 4);
      if (nameSize === 0) break;
      const name = at + HEADER_SIZE;
      const description = name + padded(nameSize);
      if (description + size > end) {
        throw reader.badFormat(
          `note at ${at}`,
          `an end at ${description + size}`,
          `at most ${end}, the segment's`,
        );
      }
      if (found.vmcoreinfo === undefined && isNamed(reader, name, nameSize, 'VMCOREINFO')) {
        found.vmcoreinfo = new Vmcoreinfo(readText(reader, description, size));
      } else if (size >= QEMU_STATE_SIZE && isNamed(reader, name, nameSize, 'QEMU')) {
        found.cpus.push(readQemuState(reader, description));
      } else if (XEN_NAMES.some((each) => isNamed(reader, name, nameSize, each))) {
        found.xen = true;
      }
      at = description + padded(size);
    }
  }
  return found;
}

/** The name is counted with the zero that ends it. */
function isNamed(reader: ElfReader, offset: number, size: number, name: string): boolean {
  if (size !== name.length + 1) return false;
  return String.fromCharCode(...reader.bytes('note name', offset, size)) === `${name}\0`;
}

function readText(reader: ElfReader, offset: number, size: number): string {
  if (size > MAX_TEXT_SIZE)
    throw reader.badFormat('VMCOREINFO', `${size} bytes`, `at most ${MAX_TEXT_SIZE} bytes`);
  const text = new TextDecoder().decode(reader.bytes('VMCOREINFO', offset, size));
  const zero = text.indexOf('\0');
  return zero < 0 ? text : text.slice(0, zero);
}

function readQemuState(reader: ElfReader, offset: number): ControlRegisters {
  const view = reader.view("QEMU's note", offset, QEMU_STATE_SIZE);
  const register = (index: number) => view.getBigUint64(QEMU_CR0 + 8 * index, reader.littleEndian);
  return { CR0: register(0), CR2: register(2), CR3: register(3), CR4: register(4) };
}

function padded(size: number): number {
  return Math.ceil(size / 4) * 4;
}
