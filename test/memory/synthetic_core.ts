/** Small ELF64 core files, made to order. */

export interface SyntheticSegment {
  address: number | bigint;
  bytes: Uint8Array;
  /** p_memsz, where the file has less than the machine. */
  memorySize?: number;
}

export interface SyntheticNote {
  name: string;
  text: string | Uint8Array;
}

export interface SyntheticCore {
  littleEndian?: boolean;
  machine?: number;
  segments?: readonly SyntheticSegment[];
  notes?: readonly SyntheticNote[];
  /** e_ehsize and e_phentsize, where larger than they need to be. */
  headerSize?: number;
  programHeaderSize?: number;
  /** Put the number of program headers in section 0, as files with more than 65534 must. */
  countInSection?: boolean;
}

const EHDR_SIZE = 64;
const PHDR_SIZE = 56;
const SHDR_SIZE = 64;

/** ELF header, program headers, section 0, notes, segments, in this order and without gaps. */
export function buildCore(core: SyntheticCore): Uint8Array<ArrayBuffer> {
  const { littleEndian = true, segments = [], headerSize = EHDR_SIZE, programHeaderSize = PHDR_SIZE } = core;
  const notes = (core.notes ?? []).map((note) => encodeNote(note, littleEndian));
  const noteBytes = concat(notes);
  const count = segments.length + (notes.length > 0 ? 1 : 0);
  const sectionOffset = headerSize + count * programHeaderSize;
  const noteOffset = sectionOffset + (core.countInSection ? SHDR_SIZE : 0);
  const size = segments.reduce((sum, { bytes }) => sum + bytes.length, noteOffset + noteBytes.length);

  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  const u16 = (at: number, value: number) => view.setUint16(at, value, littleEndian);
  const u32 = (at: number, value: number) => view.setUint32(at, value, littleEndian);
  const u64 = (at: number, value: number | bigint) => view.setBigUint64(at, BigInt(value), littleEndian);

  file.set([0x7f, 0x45, 0x4c, 0x46, 2, littleEndian ? 1 : 2, 1]);
  u16(16, 4);
  u16(18, core.machine ?? 62);
  u32(20, 1);
  u64(32, headerSize);
  u64(40, core.countInSection ? sectionOffset : 0);
  u16(52, headerSize);
  u16(54, programHeaderSize);
  u16(56, core.countInSection ? 0xffff : count);
  u16(58, SHDR_SIZE);
  if (core.countInSection) u32(sectionOffset + 44, count);

  let header = headerSize;
  let offset = noteOffset;
  const place = (type: number, address: number | bigint, bytes: Uint8Array, memorySize = bytes.length) => {
    u32(header, type);
    u64(header + 8, offset);
    u64(header + 24, address);
    u64(header + 32, bytes.length);
    u64(header + 40, memorySize);
    file.set(bytes, offset);
    header += programHeaderSize;
    offset += bytes.length;
  };
  if (notes.length > 0) place(4, 0, noteBytes);
  for (const { address, bytes, memorySize } of segments) place(1, address, bytes, memorySize);
  return file;
}

function encodeNote({ name, text }: SyntheticNote, littleEndian: boolean): Uint8Array {
  const nameBytes = new TextEncoder().encode(`${name}\0`);
  const textBytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  const textOffset = 12 + Math.ceil(nameBytes.length / 4) * 4;
  const note = new Uint8Array(textOffset + Math.ceil(textBytes.length / 4) * 4);
  const view = new DataView(note.buffer);
  view.setUint32(0, nameBytes.length, littleEndian);
  view.setUint32(4, textBytes.length, littleEndian);
  note.set(nameBytes, 12);
  note.set(textBytes, textOffset);
  return note;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
