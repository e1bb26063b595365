/** Small kdump-compressed dumps, made to order, and the flattened form of any file. */

import { deflateSync } from 'node:zlib';
import { compress } from 'snappyjs';

export type KdumpCompression = 'none' | 'zlib' | 'lzo' | 'snappy' | 'zstd';

/** What is written for a page: its bytes; 'excluded': it exists and is not in the file; 'lost': its descriptor is empty. */
export type KdumpPage = Uint8Array | 'excluded' | 'lost';

export interface KdumpNote {
  name: string;
  description: Uint8Array;
}

export interface KdumpSpec {
  littleEndian?: boolean;
  /** Of the header: 1..6. */
  version?: number;
  blockSize?: number;
  compression?: KdumpCompression;
  /** utsname.machine. */
  machine?: string;
  /** By page number, in pages of `blockSize`. Those that are absent do not exist in the machine. */
  pages?: ReadonlyMap<number, KdumpPage>;
  /** The number of pages; one more than the highest where undefined. */
  pageCount?: number;
  /** From version 3 on. */
  vmcoreinfo?: string;
  /** From version 4 on. */
  notes?: readonly KdumpNote[];
  dumpLevel?: number;
  split?: boolean;
  /** Bits of the status beside the compression. */
  status?: number;
  /** Size of erase info, of which nothing is written. */
  eraseSize?: number;
  /** One bitmap of the pages in the file only, as old dumps have. */
  oneBitmap?: boolean;
}

const FLAGS: Readonly<Record<KdumpCompression, number>> = { none: 0, zlib: 1, lzo: 2, snappy: 4, zstd: 0x20 };
const DESCRIPTOR_SIZE = 24;

export function buildKdump(spec: KdumpSpec): Uint8Array<ArrayBuffer> {
  const { littleEndian = true, version = 6, blockSize = 4096, compression = 'zlib' } = spec;
  const pages = [...(spec.pages ?? [])].sort(([a], [b]) => a - b);
  const pageCount = spec.pageCount ?? (pages.at(-1)?.[0] ?? -1) + 1;
  const notes = concat((spec.notes ?? []).map((note) => encodeNote(note, littleEndian)));
  const text = new TextEncoder().encode(spec.vmcoreinfo ?? '');
  const [notesAt, textAt] = [blockSize + 104, blockSize + 104 + notes.length];

  const subBlocks = Math.ceil((104 + notes.length + text.length) / blockSize);
  const bitmapBytes = Math.ceil(pageCount / 8 / blockSize) * blockSize;
  const bitmapsAt = blockSize * (1 + subBlocks);
  const dumpedAt = bitmapsAt + (spec.oneBitmap ? 0 : bitmapBytes);
  const descriptorsAt = dumpedAt + bitmapBytes;
  const inFile = pages.filter((entry): entry is [number, Uint8Array | 'lost'] => entry[1] !== 'excluded');
  const packed = inFile.map(([, page]) => (page === 'lost' ? page : packPage(page, compression)));
  const dataAt = descriptorsAt + DESCRIPTOR_SIZE * packed.length;
  const size = packed.reduce((sum, page) => sum + (page === 'lost' ? 0 : page.bytes.length), dataAt);

  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  const u32 = (at: number, value: number) => view.setUint32(at, value, littleEndian);
  const u64 = (at: number, value: number) => view.setBigUint64(at, BigInt(value), littleEndian);

  file.set(ascii('KDUMP   '));
  u32(8, version);
  file.set(ascii(spec.machine ?? 'x86_64'), 12 + 4 * 65);
  u32(424, FLAGS[compression] | (spec.status ?? 0));
  u32(428, blockSize);
  u32(432, subBlocks);
  u32(436, (descriptorsAt - bitmapsAt) / blockSize);
  u32(440, version < 6 ? pageCount : 0);

  u32(blockSize + 8, spec.dumpLevel ?? 0);
  u32(blockSize + 12, spec.split ? 1 : 0);
  if (version >= 3 && text.length > 0) {
    u64(blockSize + 32, textAt);
    u64(blockSize + 40, text.length);
  }
  if (version >= 4 && notes.length > 0) {
    u64(blockSize + 48, notesAt);
    u64(blockSize + 56, notes.length);
  }
  if (version >= 5) u64(blockSize + 72, spec.eraseSize ?? 0);
  if (version >= 6) u64(blockSize + 96, pageCount);
  file.set(notes, notesAt);
  file.set(text, textAt);

  for (const [number, page] of pages) {
    const bit = 1 << (number % 8);
    if (!spec.oneBitmap) file[bitmapsAt + (number >> 3)]! |= bit;
    if (page !== 'excluded') file[dumpedAt + (number >> 3)]! |= bit;
  }
  let offset = dataAt;
  packed.forEach((page, index) => {
    if (page === 'lost') return;
    const at = descriptorsAt + DESCRIPTOR_SIZE * index;
    u64(at, offset);
    u32(at + 8, page.bytes.length);
    u32(at + 12, page.flags);
    file.set(page.bytes, offset);
    offset += page.bytes.length;
  });
  return file;
}

/** One write of a flattened file. */
export interface Write {
  offset: number;
  bytes: Uint8Array;
}

/** The flattened form of a file that these writes make, in this order. */
export function flattenWrites(writes: readonly Write[], endMarker = true): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(4096);
  header.set(ascii('makedumpfile'));
  const view = new DataView(header.buffer);
  view.setBigInt64(16, 1n);
  view.setBigInt64(24, 1n);
  const records = writes.flatMap(({ offset, bytes }) => [recordHeader(offset, bytes.length), bytes]);
  return concat([header, ...records, ...(endMarker ? [recordHeader(-1, -1)] : [])]);
}

/** As QEMU does: pieces in order, of which the first is written once more at the end, since it was wrong. */
export function flatten(file: Uint8Array, pieceSize = 1000): Uint8Array<ArrayBuffer> {
  const writes: Write[] = [];
  for (let offset = 0; offset < file.length; offset += pieceSize) {
    writes.push({ offset, bytes: file.subarray(offset, offset + pieceSize) });
  }
  const first = writes[0]!;
  writes[0] = { offset: 0, bytes: new Uint8Array(first.bytes.length).fill(0xee) };
  return flattenWrites([...writes, first]);
}

/** QEMU's note of an x86-64 CPU: QEMUCPUState of version 1, of which the control registers CR0, CR2, CR3 and CR4. */
export function qemuNote(
  registers: { CR0: bigint; CR2: bigint; CR3: bigint; CR4: bigint },
  littleEndian = true,
): KdumpNote {
  const description = new Uint8Array(432);
  const view = new DataView(description.buffer);
  view.setUint32(0, 1, littleEndian);
  view.setUint32(4, description.length, littleEndian);
  const { CR0, CR2, CR3, CR4 } = registers;
  [CR0, 0n, CR2, CR3, CR4].forEach((value, index) => {
    view.setBigUint64(392 + 8 * index, value, littleEndian);
  });
  return { name: 'QEMU', description };
}

/** As makedumpfile does: a page that does not get smaller is written as it is. */
function packPage(page: Uint8Array, compression: KdumpCompression): { bytes: Uint8Array; flags: number } {
  const bytes = PACKERS[compression](page);
  if (bytes.length >= page.length) return { bytes: page, flags: 0 };
  return { bytes, flags: FLAGS[compression] };
}

const PACKERS: Readonly<Record<KdumpCompression, (page: Uint8Array) => Uint8Array>> = {
  none: (page) => page,
  zlib: (page) => deflateSync(page),
  lzo: packLzo,
  snappy: (page) => compress(new Uint8Array(page)),
  zstd: packZstd,
};

/** LZO1X: the first bytes as literals, then, as far as all others equal the last of them, one match at distance 1. */
function packLzo(page: Uint8Array): Uint8Array {
  const tail = tailLength(page);
  const literals = page.subarray(0, page.length - tail);
  const match = tail < 34 ? [] : [[32], longLength(tail - 2 - 31), [0, 0]].flat();
  const all = tail < 34 ? page : literals;
  return concat([
    Uint8Array.from([0, ...longLength(all.length - 3 - 15)]),
    all,
    Uint8Array.from([...match, 17, 0, 0]),
  ]);
}

/** What LZO adds to a length that does not fit in an instruction; at least 1. */
function longLength(length: number): number[] {
  const zeros = Math.ceil(length / 255) - 1;
  return [...new Array<number>(zeros).fill(0), length - 255 * zeros];
}

/** A zstd frame of one raw block, and one of a repeated byte where the page ends in such. */
function packZstd(page: Uint8Array): Uint8Array {
  const tail = tailLength(page);
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, page.length, true);
  const block = (last: boolean, type: number, length: number) => {
    const header = (last ? 1 : 0) | (type << 1) | (length << 3);
    return Uint8Array.from([header, header >>> 8, header >>> 16]);
  };
  return concat([
    Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0]),
    size,
    block(false, 0, page.length - tail),
    page.subarray(0, page.length - tail),
    block(true, 1, tail),
    page.subarray(page.length - 1),
  ]);
}

/** How many bytes at the end, but for 20 at the start, equal the one before them. */
function tailLength(page: Uint8Array): number {
  let at = page.length - 1;
  while (at > 20 && page[at - 1] === page.at(-1)) at--;
  return page.length - 1 - at;
}

function encodeNote({ name, description }: KdumpNote, littleEndian: boolean): Uint8Array {
  const nameSize = name.length + 1;
  const descriptionAt = 12 + Math.ceil(nameSize / 4) * 4;
  const note = new Uint8Array(descriptionAt + Math.ceil(description.length / 4) * 4);
  const view = new DataView(note.buffer);
  view.setUint32(0, nameSize, littleEndian);
  view.setUint32(4, description.length, littleEndian);
  note.set(ascii(name), 12);
  note.set(description, descriptionAt);
  return note;
}

function recordHeader(offset: number, size: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  view.setBigInt64(0, BigInt(offset));
  view.setBigInt64(8, BigInt(size));
  return new Uint8Array(view.buffer);
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
