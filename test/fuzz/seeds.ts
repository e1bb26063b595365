/** Files to damage, of each kind that is read. */

import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { bytesSource } from '../../src/memory/byte_source.ts';
import { ElfCore } from '../../src/memory/elf_core.ts';
import { buildKdump, flatten, type KdumpCompression, type KdumpPage } from '../support/kdump_writer.ts';
import { LITTLE_KDUMP_XZ } from '../support/packed_fixtures.ts';
import type { Seed } from './corrupt.ts';

export const KINDS = ['elf', 'kdump', 'flattened', 'raw', 'text', 'packed'] as const;
export type Kind = (typeof KINDS)[number];

const CORES = [
  'x86_64-6.1-debian',
  'x86_64-7.2-la57',
  'x86_64-7.2-pti',
  'arm64-6.12-rodata-off-kfence100',
  'riscv64-7.2-sv39',
  's390x-7.2-edat',
  'ppc64-7.2-p10',
  'loong64-7.2',
] as const;
const COMPRESSIONS: readonly KdumpCompression[] = ['none', 'zlib', 'lzo', 'snappy', 'zstd'];
/** utsname.machine. */
const MACHINES: Readonly<Record<string, string>> = {
  arm64: 'aarch64',
  ppc64: 'ppc64le',
  loong64: 'loongarch64',
};
const PAGE = 4096;

export function seedsOf(kind: Kind): Seed[] {
  switch (kind) {
    case 'elf':
      return CORES.map((name) => elfSeed(name, coreBytes(name)));
    case 'kdump':
      return CORES.map((name, index) => kdumpSeed(name, COMPRESSIONS[index % COMPRESSIONS.length]!));
    case 'flattened':
      return CORES.slice(3).map((name) => flattenedSeed(kdumpSeed(name, 'zlib')));
    case 'raw':
      return ['x86_64-6.1-debian', 's390x-7.2-edat', 'riscv64-7.2-sv39'].map(rawSeed);
    case 'text': {
      const text = gunzipSync(dataFile('x86_64-5.10-custom.ptdump.txt.gz'));
      return [{ ...plainSeed('x86_64 text', text), places: [] }];
    }
    case 'packed':
      return [
        plainSeed('gzip', gzipSync(coreBytes('ppc64-7.2-p10'))),
        plainSeed('xz', LITTLE_KDUMP_XZ),
        plainSeed('zstd', rawZstd(coreBytes('s390x-7.2-edat'))),
      ];
  }
}

/** Any dump that is a file of its own. */
export function fileSeed(path: string): Seed {
  const read = readFileSync(path);
  const bytes = new Uint8Array(read[0] === 0x1f && read[1] === 0x8b ? gunzipSync(read) : read);
  return bytes[0] === 0x7f ? elfSeed(path, bytes) : plainSeed(path, bytes);
}

function dataFile(name: string): Buffer {
  return readFileSync(new URL(`../data/cores/${name}`, import.meta.url));
}

function coreBytes(name: string): Uint8Array {
  return new Uint8Array(gunzipSync(dataFile(`${name}.core.gz`)));
}

function plainSeed(name: string, bytes: Uint8Array): Seed {
  return { name, bytes: new Uint8Array(bytes), places: [[0, 64]], pages: [], littleEndian: true };
}

function elfSeed(name: string, bytes: Uint8Array): Seed {
  const { segments, littleEndian } = new ElfCore(bytesSource(bytes), name);
  const first = Math.min(...segments.map(({ fileOffset }) => fileOffset));
  const pages = segments.flatMap(({ start, size, fileOffset }) =>
    Array.from({ length: Math.floor(size / PAGE) }, (_, index) => ({
      offset: fileOffset + index * PAGE,
      physical: start + index * PAGE,
    })),
  );
  return {
    name,
    bytes,
    places: [
      [0, 64],
      [64, first],
    ],
    pages,
    littleEndian,
  };
}

/** The segments of a core as if it had no headers: the user has to say where they lie. */
function rawSeed(name: string): Seed {
  const seed = elfSeed(name, coreBytes(name));
  const { segments } = new ElfCore(bytesSource(seed.bytes), name);
  const hex = (value: number) => `0x${value.toString(16)}`;
  // An address where nothing is, for the headers.
  const pieces = [
    `0x100000000000@0x0`,
    ...segments.map(({ start, fileOffset }) => `${hex(start)}@${hex(fileOffset)}`),
  ];
  const { root } = JSON.parse(dataFile(`${name}.json`).toString());
  const options = { arch: name.split('-')[0]!, root, physBase: pieces.join() };
  return { ...seed, places: [], options };
}

/** The same memory, its frames counted in 4096 bytes whatever the pages are. */
function kdumpSeed(name: string, compression: KdumpCompression): Seed {
  const core = new ElfCore(bytesSource(coreBytes(name)), name);
  const pages = new Map<number, KdumpPage>();
  for (const { start, size } of core.segments) {
    for (let pfn = start / PAGE; pfn < (start + size) / PAGE; pfn++) pages.set(pfn, core.readFrame(pfn)!);
  }
  const arch = name.split('-')[0]!;
  const bytes = buildKdump({
    littleEndian: core.littleEndian,
    compression,
    machine: MACHINES[arch] ?? arch,
    pages,
    vmcoreinfo: core.vmcoreinfo?.text ?? '',
  });
  const view = new DataView(bytes.buffer);
  const blocks = (at: number) => view.getUint32(at, core.littleEndian) * PAGE;
  const bitmaps = PAGE + blocks(432);
  const descriptors = bitmaps + blocks(436);
  return {
    name: `${name}, ${compression}`,
    bytes,
    places: [
      [0, 12],
      [424, 464],
      [PAGE, bitmaps],
      [bitmaps, descriptors],
      [descriptors, descriptors + 24 * pages.size],
    ],
    pages: [],
    littleEndian: core.littleEndian,
  };
}

function flattenedSeed({ name, bytes, littleEndian }: Seed): Seed {
  const pieceSize = 1000;
  const flattened = flatten(bytes, pieceSize);
  const records = Array.from({ length: 64 }, (_, index): [number, number] => {
    const start = PAGE + index * (pieceSize + 16);
    return [start, start + 16];
  });
  return { name, bytes: flattened, places: [[0, 32], ...records], pages: [], littleEndian };
}

/** A zstd frame of raw blocks. */
function rawZstd(bytes: Uint8Array): Uint8Array {
  const block = 2 ** 16;
  const parts: number[][] = [[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x30]];
  for (let at = 0; at < bytes.length; at += block) {
    const part = bytes.subarray(at, at + block);
    const header = (at + block >= bytes.length ? 1 : 0) | (part.length << 3);
    parts.push([header & 0xff, (header >>> 8) & 0xff, header >>> 16, ...part]);
  }
  return Uint8Array.from(parts.flat());
}
