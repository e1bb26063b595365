/**
 * The header and the program headers of an ELF64 file, in either byte order (ELF gABI, chapters 4 and 5).
 *
 * Nothing in the file is trusted: every position is compared with the size of the file before it is read, and
 * nothing is allocated in proportion to a count that was not. What does not fit is an InputError.
 */

import { InputError } from '../errors.ts';
import type { ByteSource } from './byte_source.ts';

export const PT_LOAD = 1;
export const PT_NOTE = 4;

const ET_CORE = 4;
const ELFCLASS64 = 2;
const ELFDATA2LSB = 1;
const ELFDATA2MSB = 2;
/** This value of e_phnum says that the number of program headers is in sh_info of section 0. */
const PN_XNUM = 0xffff;

/** sizeof(Elf64_Ehdr), sizeof(Elf64_Phdr), sizeof(Elf64_Shdr). A file may use larger ones, and does not shrink them. */
const EHDR_SIZE = 64;
const PHDR_SIZE = 56;
const SHDR_SIZE = 64;

/** Far more than any dump has: a header table of this length takes 56 MiB. */
const MAX_PROGRAM_HEADERS = 2 ** 20;
/** How much of the header table is read at once, in bytes. */
const BATCH_SIZE = 65536;
/** No position or address in this library reaches this. */
const ADDRESS_LIMIT_HIGH = 2 ** 21;

/** What people also call a dump, by its first bytes. */
const OTHER_FORMATS: readonly (readonly [string, string])[] = [
  ['KDUMP   ', 'a kdump-compressed dump'],
  ['DISKDUMP', 'a diskdump-compressed dump'],
  ['makedumpfile', 'a flattened dump (makedumpfile -R restores it)'],
  ['\x1f\x8b', 'gzip data'],
  ['\xfd7zXZ', 'xz data'],
  ['\x28\xb5\x2f\xfd', 'zstd data'],
];

/** A file whose fields are read with every position checked. */
export class ElfReader {
  readonly source: ByteSource;
  /** The name of the file, for errors. */
  readonly where: string;
  readonly littleEndian: boolean;

  constructor(source: ByteSource, where: string, littleEndian: boolean) {
    this.source = source;
    this.where = where;
    this.littleEndian = littleEndian;
  }

  /** The bytes of `what`. @throws InputError where the file ends before them. */
  bytes(what: string, offset: number, length: number): Uint8Array {
    this.checkExtent(what, offset, length);
    const bytes = this.source.read(offset, length);
    if (bytes.length !== length) throw this.badFormat(what, `${bytes.length} bytes`, `${length} bytes`);
    return bytes;
  }

  view(what: string, offset: number, length: number): DataView {
    return viewOf(this.bytes(what, offset, length));
  }

  checkExtent(what: string, offset: number, length: number): void {
    if (offset <= this.source.size && length <= this.source.size - offset) return;
    const found = `${length} bytes at ${offset}`;
    throw this.badFormat(what, found, `all of it within the ${this.source.size} bytes of the file`);
  }

  u16(view: DataView, at: number): number {
    return view.getUint16(at, this.littleEndian);
  }

  u32(view: DataView, at: number): number {
    return view.getUint32(at, this.littleEndian);
  }

  /** A 64-bit position, size or address. @throws InputError where a number cannot hold it. */
  u64(what: string, view: DataView, at: number): number {
    const value = view.getBigUint64(at, this.littleEndian);
    if (value >> 32n >= ADDRESS_LIMIT_HIGH) throw this.badFormat(what, hex(value), 'a number below 2^53');
    return Number(value);
  }

  badFormat(what: string, found: string, expected: string): InputError {
    return new InputError({ code: 'bad-format', what, where: this.where, found, expected });
  }
}

/** What the ELF header of a core file says. */
export interface CoreHeader {
  /** e_machine. */
  readonly machine: number;
  readonly programHeaderOffset: number;
  readonly programHeaderSize: number;
  readonly programHeaderCount: number;
}

export interface ProgramHeader {
  /** p_type. */
  readonly type: number;
  /** Bytes of the segment that are in the file, where they are all there. */
  readonly fileSize: number;
  readonly fileOffset: number;
  /** Where a PT_LOAD segment lies in physical memory; undefined for notes. */
  readonly physicalAddress: number | undefined;
  /** Bytes of memory that the segment stands for: what the file lacks of it was left out. */
  readonly memorySize: number;
}

/** @throws InputError ('bad-format') where the file is not an ELF64 core, or its headers lie outside it. */
export function openCore(source: ByteSource, where: string): { reader: ElfReader; header: CoreHeader } {
  const untyped = new ElfReader(source, where, true);
  const ident = untyped.bytes('start of the file', 0, Math.min(16, source.size));
  checkIdent(untyped, ident);
  const reader = new ElfReader(source, where, ident[5] === ELFDATA2LSB);

  const view = reader.view('ELF header', 0, EHDR_SIZE);
  const type = reader.u16(view, 16);
  if (type !== ET_CORE) throw reader.badFormat('ELF file type', `${type}`, `${ET_CORE} (a core)`);

  const programHeaderSize = reader.u16(view, 54);
  const programHeaderCount = countProgramHeaders(reader, view);
  if (programHeaderCount > 0) checkMinimum(reader, 'e_phentsize', programHeaderSize, PHDR_SIZE);
  if (programHeaderCount > MAX_PROGRAM_HEADERS) {
    throw reader.badFormat(
      'number of program headers',
      `${programHeaderCount}`,
      `at most ${MAX_PROGRAM_HEADERS}`,
    );
  }
  const programHeaderOffset = reader.u64('e_phoff', view, 32);
  reader.checkExtent('program headers', programHeaderOffset, programHeaderCount * programHeaderSize);
  const machine = reader.u16(view, 18);
  return { reader, header: { machine, programHeaderOffset, programHeaderSize, programHeaderCount } };
}

/**
 * The PT_LOAD and PT_NOTE headers that stand for any bytes, in the file's order. Without the PT_LOAD headers whose p_paddr
 * is all ones: /proc/kcore has them for what is mapped elsewhere than in the direct map.
 */
export function* readProgramHeaders(reader: ElfReader, header: CoreHeader): Generator<ProgramHeader> {
  const { programHeaderOffset, programHeaderSize, programHeaderCount } = header;
  const batch = Math.floor(BATCH_SIZE / programHeaderSize);
  for (let first = 0; first < programHeaderCount; first += batch) {
    const count = Math.min(batch, programHeaderCount - first);
    const offset = programHeaderOffset + first * programHeaderSize;
    const view = reader.view('program headers', offset, count * programHeaderSize);
    for (let index = 0; index < count; index++) {
      const entry = new DataView(view.buffer, view.byteOffset + index * programHeaderSize, PHDR_SIZE);
      const parsed = parseProgramHeader(reader, entry, first + index);
      if (parsed !== undefined) yield parsed;
    }
  }
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function checkIdent(reader: ElfReader, ident: Uint8Array): void {
  const text = String.fromCharCode(...ident);
  if (!text.startsWith('\x7fELF')) {
    const known = OTHER_FORMATS.find(([magic]) => text.startsWith(magic));
    const bytes = Array.from(ident.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const found = known?.[1] ?? (ident.length === 0 ? 'an empty file' : bytes);
    throw reader.badFormat('file format', found, 'an ELF64 core, 7f 45 4c 46 (makedumpfile -E writes one)');
  }
  if (ident.length < 16) throw reader.badFormat('ELF header', `${ident.length} bytes`, `${EHDR_SIZE} bytes`);
  if (ident[4] !== ELFCLASS64) throw reader.badFormat('ELF class', `${ident[4]}`, `${ELFCLASS64} (64-bit)`);
  if (ident[5] !== ELFDATA2LSB && ident[5] !== ELFDATA2MSB) {
    throw reader.badFormat(
      'ELF byte order',
      `${ident[5]}`,
      `${ELFDATA2LSB} (little-endian) or ${ELFDATA2MSB} (big-endian)`,
    );
  }
}

function checkMinimum(reader: ElfReader, field: string, found: number, minimum: number): void {
  if (found < minimum) throw reader.badFormat(field, `${found}`, `at least ${minimum}`);
}

function countProgramHeaders(reader: ElfReader, view: DataView): number {
  const count = reader.u16(view, 56);
  if (count !== PN_XNUM) return count;
  const offset = reader.u64('e_shoff', view, 40);
  checkMinimum(reader, 'e_shoff', offset, EHDR_SIZE);
  checkMinimum(reader, 'e_shentsize', reader.u16(view, 58), SHDR_SIZE);
  return reader.u32(reader.view('section header 0', offset, SHDR_SIZE), 44);
}

function parseProgramHeader(reader: ElfReader, view: DataView, index: number): ProgramHeader | undefined {
  const type = reader.u32(view, 0);
  if (type !== PT_LOAD && type !== PT_NOTE) return undefined;
  const what = `program header ${index}`;
  const nowhere = view.getBigUint64(24, reader.littleEndian) === 2n ** 64n - 1n;
  if (type === PT_LOAD && nowhere) return undefined;

  const fileSize = reader.u64(`p_filesz of ${what}`, view, 32);
  const memorySize = Math.max(fileSize, memorySizeOf(reader, view));
  if (type === PT_NOTE ? fileSize === 0 : memorySize === 0) return undefined;
  const fileOffset = fileSize === 0 ? 0 : reader.u64(`p_offset of ${what}`, view, 8);
  reader.checkExtent(`segment of ${what}`, fileOffset, fileSize);
  if (type === PT_NOTE) return { type, fileSize, fileOffset, physicalAddress: undefined, memorySize };

  const physicalAddress = reader.u64(`p_paddr of ${what}`, view, 24);
  if (physicalAddress > Number.MAX_SAFE_INTEGER - fileSize) {
    const end = hex(BigInt(physicalAddress) + BigInt(fileSize));
    throw reader.badFormat(`end in memory of ${what}`, end, 'an address below 2^53');
  }
  const room = Number.MAX_SAFE_INTEGER - physicalAddress;
  return { type, fileSize, fileOffset, physicalAddress, memorySize: Math.min(memorySize, room) };
}

/** p_memsz, or nothing where it makes none: it only says more than p_filesz does. */
function memorySizeOf(reader: ElfReader, view: DataView): number {
  const size = view.getBigUint64(40, reader.littleEndian);
  return size >> 32n >= ADDRESS_LIMIT_HIGH ? 0 : Number(size);
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
