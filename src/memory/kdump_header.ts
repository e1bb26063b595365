/**
 * The headers of a kdump-compressed dump, as makedumpfile and QEMU write them (makedumpfile's diskdump_mod.h). Blocks are of the size that the first header names:
 *
 *     header | sub header, notes, VMCOREINFO | bitmap of pages that exist, bitmap of pages in the file | descriptors | pages
 *
 * Numbers are in the byte order of the machine that was dumped.
 */

import type { ByteSource } from './byte_source.ts';
import { EM_AARCH64, EM_LOONGARCH, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64 } from './elf_machine.ts';
import type { NoteSegment } from './elf_notes.ts';
import { ElfReader } from './elf64.ts';

/** Bits of `status`, and of the flags of a page. */
export const DUMP_DH_COMPRESSED_ZLIB = 0x1;
export const DUMP_DH_COMPRESSED_LZO = 0x2;
export const DUMP_DH_COMPRESSED_SNAPPY = 0x4;
export const DUMP_DH_COMPRESSED_INCOMPLETE = 0x8;
export const DUMP_DH_EXCLUDED_VMEMMAP = 0x10;
export const DUMP_DH_COMPRESSED_ZSTD = 0x20;

/** struct disk_dump_header of a 64-bit machine, as far as it is used. */
const HEADER_SIZE = 464;
const VERSION_AT = 8;
const MACHINE_AT = 12 + 4 * 65;
const STATUS_AT = 424;
const BLOCK_SIZE_AT = 428;
/** Where a 32-bit machine has the size of a block: its struct timeval is shorter. */
const BLOCK_SIZE_32_AT = 416;

const MAX_VERSION = 6;
/** sizeof(struct kdump_sub_header) by version of the header. */
const SUB_HEADER_SIZES = [0, 16, 32, 48, 64, 80, 104];

/** Sizes of a page that any 64-bit kernel has. */
const MIN_BLOCK = 4096;
const MAX_BLOCK = 65536;
/** 256 TiB in pages of 4096 bytes. */
const MAX_PAGES = 2 ** 36;

const MACHINES: Readonly<Record<string, number>> = {
  x86_64: EM_X86_64,
  aarch64: EM_AARCH64,
  s390x: EM_S390,
  ppc64: EM_PPC64,
  ppc64le: EM_PPC64,
  // As QEMU spells them.
  S390X: EM_S390,
  PPC64: EM_PPC64,
  riscv64: EM_RISCV,
  loongarch64: EM_LOONGARCH,
};

export interface KdumpHeader {
  /** Reads the file in its byte order. */
  readonly reader: ElfReader;
  /** e_machine; undefined where the header names none that is known here. */
  readonly machine: number | undefined;
  /** DUMP_DH_ bits. */
  readonly status: number;
  /** Bytes of a page, and of a block of the file. */
  readonly blockSize: number;
  /** Pages up to the highest one. */
  readonly pages: number;
  /** Which kinds of pages were excluded; see makedumpfile(8). */
  readonly dumpLevel: number;
  /** Where VMCOREINFO is, without a note's header. */
  readonly vmcoreinfo: NoteSegment | undefined;
  readonly notes: NoteSegment | undefined;
  /** Whether the kernel's data were erased by a filter. */
  readonly erased: boolean;
  /** Offsets in the file: bit maps of pages that exist and of those in the file, and descriptors of the latter. */
  readonly existsAt: number;
  readonly dumpedAt: number;
  readonly descriptorsAt: number;
}

export function isKdump(start: Uint8Array): boolean {
  return hasSignature(start, 'KDUMP   ') || hasSignature(start, 'DISKDUMP');
}

/**
 * Reads the two headers; everything that they announce but the pages is within the file.
 * @throws InputError ('bad-format') where it is not, or where this is no such dump; diskdump, dumps of 32-bit machines
 * and single files of a dump that was split are refused by name.
 */
export function readKdumpHeader(source: ByteSource, where: string): KdumpHeader {
  const reader = openHeader(source, where);
  const view = reader.view('header', 0, HEADER_SIZE);
  const version = reader.u32(view, VERSION_AT);
  const blockSize = reader.u32(view, BLOCK_SIZE_AT);
  checkBlockSize(reader, view, blockSize);

  const subHeaderBlocks = reader.u32(view, 432);
  const bitmapBlocks = reader.u32(view, 436);
  const bitmapsAt = blockSize * (1 + subHeaderBlocks);
  const bitmapSize = blockSize * bitmapBlocks;
  reader.checkExtent('bitmaps', bitmapsAt, bitmapSize);

  const sub = readSubHeader(reader, version, blockSize, subHeaderBlocks);
  const pages = sub.pages ?? reader.u32(view, 440);
  if (pages > MAX_PAGES) throw reader.badFormat('max_mapnr', `${pages}`, `at most ${MAX_PAGES}`);
  const needed = Math.ceil(pages / 8 / blockSize) * blockSize;
  if (needed > bitmapSize) {
    throw reader.badFormat('bitmaps', `${bitmapSize} bytes`, `at least ${needed} for ${pages} pages`);
  }
  const hasBoth = 2 * needed <= bitmapSize;
  return {
    ...sub,
    reader,
    machine: MACHINES[machineName(view)],
    status: reader.u32(view, STATUS_AT),
    blockSize,
    pages,
    existsAt: bitmapsAt,
    dumpedAt: bitmapsAt + (hasBoth ? bitmapSize / 2 : 0),
    descriptorsAt: bitmapsAt + bitmapSize,
  };
}

type SubHeader = Pick<KdumpHeader, 'dumpLevel' | 'vmcoreinfo' | 'notes' | 'erased'> & {
  pages: number | undefined;
};

function readSubHeader(reader: ElfReader, version: number, blockSize: number, blocks: number): SubHeader {
  const size = SUB_HEADER_SIZES[version]!;
  if (size > blocks * blockSize) {
    throw reader.badFormat(
      'sub_hdr_size',
      `${blocks} blocks`,
      `room for the ${size} bytes of version ${version}`,
    );
  }
  const bytes = new DataView(new ArrayBuffer(SUB_HEADER_SIZES[MAX_VERSION]!));
  new Uint8Array(bytes.buffer).set(reader.bytes('sub header', blockSize, size));
  if (reader.u32(bytes, 12) !== 0) {
    const expected = 'a whole dump (makedumpfile --reassemble joins the files)';
    throw reader.badFormat('file format', 'one file of a kdump that was split', expected);
  }
  const extent = (what: string, at: number): NoteSegment | undefined => {
    const fileOffset = reader.u64(`offset of ${what}`, bytes, at);
    const fileSize = reader.u64(`size of ${what}`, bytes, at + 8);
    if (fileOffset === 0 || fileSize === 0) return undefined;
    reader.checkExtent(what, fileOffset, fileSize);
    return { fileOffset, fileSize };
  };
  return {
    dumpLevel: reader.u32(bytes, 8),
    vmcoreinfo: extent('VMCOREINFO', 32),
    notes: extent('notes', 48),
    erased: bytes.getBigUint64(72, reader.littleEndian) !== 0n,
    pages: version >= 6 ? reader.u64('max_mapnr_64', bytes, 96) : undefined,
  };
}

/** The signature, and the byte order: that in which the version is a small number. */
function openHeader(source: ByteSource, where: string): ElfReader {
  const untyped = new ElfReader(source, where, true);
  const start = untyped.bytes('start of the file', 0, Math.min(16, source.size));
  if (hasSignature(start, 'DISKDUMP')) {
    throw untyped.badFormat('file format', 'diskdump', 'its successor, kdump');
  }
  if (!hasSignature(start, 'KDUMP   ')) {
    const found = String.fromCharCode(...start.subarray(0, 8));
    throw untyped.badFormat('signature', `"${found}"`, '"KDUMP   "');
  }
  const view = untyped.view('header version', VERSION_AT, 4);
  for (const littleEndian of [true, false]) {
    const version = view.getUint32(0, littleEndian);
    if (version >= 1 && version <= MAX_VERSION) return new ElfReader(source, where, littleEndian);
  }
  const found = `${view.getUint32(0, true)} in one byte order, ${view.getUint32(0, false)} in the other`;
  throw untyped.badFormat('header version', found, `1..${MAX_VERSION}`);
}

function checkBlockSize(reader: ElfReader, view: DataView, size: number): void {
  if (isBlockSize(size)) return;
  if (isBlockSize(reader.u32(view, BLOCK_SIZE_32_AT))) {
    throw reader.badFormat('file format', 'the kdump of a 32-bit machine', 'that of a 64-bit machine');
  }
  throw reader.badFormat('block size', `${size}`, `a power of two, ${MIN_BLOCK}..${MAX_BLOCK}`);
}

function isBlockSize(size: number): boolean {
  return size >= MIN_BLOCK && size <= MAX_BLOCK && Number.isInteger(Math.log2(size));
}

function machineName(header: DataView): string {
  const bytes = new Uint8Array(header.buffer, header.byteOffset + MACHINE_AT, 65);
  const end = bytes.indexOf(0);
  return String.fromCharCode(...bytes.subarray(0, end < 0 ? 65 : end));
}

function hasSignature(start: Uint8Array, signature: string): boolean {
  return start.length >= 8 && String.fromCharCode(...start.subarray(0, 8)) === signature;
}
