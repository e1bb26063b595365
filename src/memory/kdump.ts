/** kdump-compressed dumps as physical memory: what makedumpfile writes by default, and QEMU on request. */

import { boundedRanges } from './bounded_ranges.ts';
import type { ByteSource } from './byte_source.ts';
import type { Compression, Decompressors } from './decompressors.ts';
import { readNotes } from './elf_notes.ts';
import { KdumpBitmap } from './kdump_bitmap.ts';
import * as dh from './kdump_header.ts';
import type { ControlRegisters, MachineMemory, PhysicalRange } from './machine_memory.ts';
import { PAGE_SIZE } from './physical_memory.ts';
import { Vmcoreinfo } from './vmcoreinfo.ts';
import { WindowedSource } from './windowed_source.ts';

/** struct page_desc: offset:8 size:4 flags:4 page_flags:8. */
const DESCRIPTOR_SIZE = 24;

/** Bytes of unpacked blocks that are kept. */
const CACHE_SIZE = 2 ** 20;
const MAX_RANGES = 2 ** 16;
/** The kernel gives VMCOREINFO one page, of at most 64 KiB. */
const MAX_VMCOREINFO_SIZE = 2 ** 20;

const COMPRESSIONS: readonly (readonly [number, Compression])[] = [
  [dh.DUMP_DH_COMPRESSED_ZLIB, 'zlib'],
  [dh.DUMP_DH_COMPRESSED_LZO, 'lzo'],
  [dh.DUMP_DH_COMPRESSED_SNAPPY, 'snappy'],
  [dh.DUMP_DH_COMPRESSED_ZSTD, 'zstd'],
];

/** The bits of makedumpfile's dump level whose pages are not in the file. Pages of zeros, its bit 0, always are. */
const EXCLUDED: readonly (readonly [number, string])[] = [
  [2, 'page cache without private data'],
  [4, 'page cache with private data'],
  [8, 'user pages'],
  [16, 'free pages'],
];

/**
 * The physical memory of a kdump-compressed dump, of any 64-bit machine and either byte order. Opening it reads the
 * headers and notes; bitmaps and pages are read when asked for.
 */
export class KdumpMemory implements MachineMemory {
  readonly kind: string;
  readonly machine: number | undefined;
  readonly littleEndian: boolean;
  readonly vmcoreinfo: Vmcoreinfo | undefined;
  readonly cpus: readonly ControlRegisters[];
  readonly leftOut: string | undefined;
  readonly xen: boolean;
  readonly #header: dh.KdumpHeader;
  readonly #decompressors: Decompressors;
  readonly #dumped: KdumpBitmap;
  /** Blocks by where they are in the file: all pages of zeros share one. The one read longest ago first. */
  readonly #blocks = new Map<number, Uint8Array>();
  #ranges: readonly PhysicalRange[] | undefined;

  /**
   * `where` names the file in errors.
   * @throws InputError ('bad-format') where this is not such a dump, or the file lacks what its headers announce.
   */
  constructor(source: ByteSource, where: string, decompressors: Decompressors) {
    const header = dh.readKdumpHeader(new WindowedSource(source), where);
    const notes = readNotes(header.reader, header.notes === undefined ? [] : [header.notes]);
    this.kind = `kdump-compressed dump (${compressionName(header.status)})`;
    this.machine = header.machine;
    this.littleEndian = header.reader.littleEndian;
    this.vmcoreinfo = readVmcoreinfo(header) ?? notes.vmcoreinfo;
    this.cpus = notes.cpus;
    this.xen = notes.xen;
    this.leftOut = describeLeftOut(header);
    this.#header = header;
    this.#decompressors = decompressors;
    this.#dumped = new KdumpBitmap(header.reader, header.dumpedAt, header.pages);
  }

  /** The memory that the machine had, in the file or not. Of more than 65536 ranges, neighbours are taken together. */
  get ranges(): readonly PhysicalRange[] {
    const { reader, existsAt, pages, blockSize } = this.#header;
    this.#ranges ??= boundedRanges(new KdumpBitmap(reader, existsAt, pages).runs(), blockSize, MAX_RANGES);
    return this.#ranges;
  }

  readFrame(pfn: number): Uint8Array | undefined {
    const { blockSize } = this.#header;
    const framesPerBlock = blockSize / PAGE_SIZE;
    const rank = this.#dumped.rankOf(Math.floor(pfn / framesPerBlock));
    const block = rank === undefined ? undefined : this.#readBlock(rank);
    const at = (pfn % framesPerBlock) * PAGE_SIZE;
    return block?.subarray(at, at + PAGE_SIZE);
  }

  /** The page that has the descriptor of this number; undefined where the dump broke off before it was written. */
  #readBlock(rank: number): Uint8Array | undefined {
    const { reader, descriptorsAt, status } = this.#header;
    const at = descriptorsAt + rank * DESCRIPTOR_SIZE;
    const incomplete = (status & dh.DUMP_DH_COMPRESSED_INCOMPLETE) !== 0;
    if (incomplete && at + DESCRIPTOR_SIZE > reader.source.size) return undefined;
    const view = reader.view('page descriptor', at, DESCRIPTOR_SIZE);
    const offset = reader.u64(`offset in the page descriptor at ${at}`, view, 0);
    const size = reader.u32(view, 8);
    if (offset === 0) return undefined;
    if (incomplete && offset + size > reader.source.size) return undefined;

    const kept = this.#blocks.get(offset);
    if (kept !== undefined) return kept;
    const block = this.#unpack(at, offset, size, reader.u32(view, 12));
    if (this.#blocks.size * block.length >= CACHE_SIZE)
      this.#blocks.delete(this.#blocks.keys().next().value!);
    this.#blocks.set(offset, block);
    return block;
  }

  #unpack(descriptorAt: number, offset: number, size: number, flags: number): Uint8Array {
    const { reader, blockSize } = this.#header;
    const compression = COMPRESSIONS.find(([bit]) => (flags & bit) !== 0)?.[1];
    if (size > blockSize || (compression === undefined && size !== blockSize)) {
      const expected = compression === undefined ? `${blockSize} bytes` : `at most ${blockSize} bytes`;
      throw reader.badFormat(`size in the page descriptor at ${descriptorAt}`, `${size} bytes`, expected);
    }
    const bytes = reader.bytes(`page of the descriptor at ${descriptorAt}`, offset, size);
    if (compression === undefined) return bytes;
    const block = this.#decompressors[compression](bytes, blockSize);
    if (block !== undefined) return block;
    const expected = `${compression} data that unpack to ${blockSize} bytes`;
    throw reader.badFormat(`page at ${offset}`, `${size} bytes that do not`, expected);
  }
}

/** VMCOREINFO is read like a note's text: up to its first byte of zero, and no more than the kernel writes. */
function readVmcoreinfo({ reader, vmcoreinfo }: dh.KdumpHeader): Vmcoreinfo | undefined {
  if (vmcoreinfo === undefined) return undefined;
  const { fileOffset, fileSize } = vmcoreinfo;
  if (fileSize > MAX_VMCOREINFO_SIZE) {
    throw reader.badFormat('size of VMCOREINFO', `${fileSize} bytes`, `at most ${MAX_VMCOREINFO_SIZE} bytes`);
  }
  const text = new TextDecoder().decode(reader.bytes('VMCOREINFO', fileOffset, fileSize));
  const zero = text.indexOf('\0');
  return new Vmcoreinfo(zero < 0 ? text : text.slice(0, zero));
}

function compressionName(status: number): string {
  return COMPRESSIONS.find(([bit]) => (status & bit) !== 0)?.[1] ?? 'not compressed';
}

function describeLeftOut({ dumpLevel, status, erased }: dh.KdumpHeader): string | undefined {
  const parts = EXCLUDED.filter(([bit]) => (dumpLevel & bit) !== 0).map(([, words]) => words);
  if ((status & dh.DUMP_DH_EXCLUDED_VMEMMAP) !== 0) parts.push('the part of vmemmap that describes them');
  if (erased) parts.push('data that a filter of makedumpfile erased');
  if ((status & dh.DUMP_DH_COMPRESSED_INCOMPLETE) !== 0) parts.push('all that came after the dump broke off');
  return parts.length === 0 ? undefined : parts.join(', ');
}
