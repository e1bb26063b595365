import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/errors.ts';
import { type ByteSource, bytesSource } from '../../src/memory/byte_source.ts';
import { FlattenedSource } from '../../src/memory/flattened.ts';
import { FrameWords } from '../../src/memory/frame_words.ts';
import { KdumpMemory } from '../../src/memory/kdump.ts';
import { PAGE_SIZE } from '../../src/memory/physical_memory.ts';
import { nodeDecompressors } from '../../src/memory/sources/decompress.ts';
import {
  buildKdump,
  flatten,
  type KdumpCompression,
  type KdumpPage,
  type KdumpSpec,
  qemuNote,
} from '../support/kdump_writer.ts';
import { repetitive } from '../support/repetitive.ts';

const COMPRESSIONS: readonly KdumpCompression[] = ['none', 'zlib', 'lzo', 'snappy', 'zstd'];

const openSource = (source: ByteSource) => new KdumpMemory(source, 'test.kdump', nodeDecompressors);
const open = (spec: KdumpSpec) => openSource(bytesSource(buildKdump(spec)));

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  throw new Error('it was read');
}

/** A page that every method makes smaller: text, then one byte again and again. */
function pageOf(number: number, size = PAGE_SIZE): Uint8Array {
  const page = new Uint8Array(size).fill(number + 1);
  page.set(new TextEncoder().encode(`page ${number} of many`));
  return page;
}

/** Pages at both ends of bitmap words, one that does not compress, and some that are left out. */
function somePages(size = PAGE_SIZE): Map<number, KdumpPage> {
  const pages = new Map<number, KdumpPage>(
    [0, 1, 7, 8, 31, 32, 33, 1000].map((at) => [at, pageOf(at, size)]),
  );
  pages.set(
    2,
    Uint8Array.from({ length: size }, (_, at) => (Math.imul(at, 0x9e3779b1) >>> 13) & 0xff),
  );
  pages.set(34, 'excluded');
  pages.set(35, 'excluded');
  return pages;
}

function expectPages(memory: KdumpMemory, pages: ReadonlyMap<number, KdumpPage>, blockSize: number): void {
  const frames = blockSize / PAGE_SIZE;
  for (const number of [...Array(40).keys(), 999, 1000, 1001]) {
    const page = pages.get(number);
    for (const part of [0, frames - 1]) {
      const frame = memory.readFrame(number * frames + part);
      const at = part * PAGE_SIZE;
      if (page instanceof Uint8Array) {
        expect(frame !== undefined && Buffer.compare(frame, page.subarray(at, at + PAGE_SIZE)) === 0).toBe(
          true,
        );
      } else expect(frame).toBeUndefined();
    }
  }
}

describe('KdumpMemory', () => {
  test('reads every compression, either byte order, blocks of 4K and 64K, every version, flattened or not', () => {
    for (const compression of COMPRESSIONS) {
      for (const littleEndian of [true, false]) {
        for (const blockSize of [4096, 65536]) {
          const pages = somePages(blockSize);
          for (const version of blockSize === 4096 ? [1, 2, 3, 4, 5, 6] : [6]) {
            const file = buildKdump({ compression, littleEndian, blockSize, version, pages });
            const memory = openSource(bytesSource(file));
            expect(memory.kind).toBe(
              `kdump-compressed dump (${compression.replace('none', 'not compressed')})`,
            );
            expect(memory.littleEndian).toBe(littleEndian);
            expectPages(memory, pages, blockSize);
          }
          const flat = flatten(buildKdump({ compression, littleEndian, blockSize, pages }));
          expectPages(openSource(new FlattenedSource(bytesSource(flat), 'test')), pages, blockSize);
        }
      }
    }
  });

  test('gives words in the byte order of the machine', () => {
    for (const littleEndian of [true, false]) {
      const memory = open({ littleEndian, pages: new Map([[3, Uint8Array.from(repetitive(PAGE_SIZE))]]) });
      const view = new DataView(repetitive(PAGE_SIZE).buffer);
      const words = new FrameWords(memory, memory.littleEndian).readPage(3)!;
      const first = (BigInt(words[1]!) << 32n) | BigInt(words[0]!);
      expect(first).toBe(view.getBigUint64(0, littleEndian));
    }
  });

  test('knows the machine by its name', () => {
    const machines = {
      x86_64: 62,
      aarch64: 183,
      s390x: 22,
      ppc64le: 21,
      ppc64: 21,
      riscv64: 243,
      loongarch64: 258,
    };
    for (const [machine, number] of Object.entries(machines)) expect(open({ machine }).machine).toBe(number);
    expect(open({ machine: 'sparc64' }).machine).toBeUndefined();
  });

  test('reads VMCOREINFO and the notes of QEMU', () => {
    const registers = { CR0: 0x80050033n, CR2: 0n, CR3: 0x2a10000n, CR4: 0x6f0n };
    const notes = [
      { name: 'CORE', description: new Uint8Array(40) },
      qemuNote(registers),
      qemuNote(registers),
    ];
    const memory = open({ vmcoreinfo: 'OSRELEASE=6.1.0\nPAGESIZE=4096\n', notes });
    expect(memory.vmcoreinfo?.release).toBe('6.1.0');
    expect(memory.cpus).toEqual([registers, registers]);

    const asNote = { name: 'VMCOREINFO', description: new TextEncoder().encode('OSRELEASE=5.10.1\n') };
    expect(open({ notes: [asNote] }).vmcoreinfo?.release).toBe('5.10.1');
    expect(open({ notes: [asNote], version: 3 }).vmcoreinfo).toBeUndefined();
    expect(open({ vmcoreinfo: 'OSRELEASE=6.1.0\n', version: 2 }).vmcoreinfo).toBeUndefined();
  });

  test('has as ranges what the machine had, in the file or not', () => {
    const pages = somePages();
    expect(open({ pages }).ranges.map(({ start, size }) => [start / PAGE_SIZE, size / PAGE_SIZE])).toEqual([
      [0, 3],
      [7, 2],
      [31, 5],
      [1000, 1],
    ]);
    expect(open({ pages, blockSize: 65536 }).ranges[1]).toEqual({ start: 7 * 65536, size: 2 * 65536 });
    expect(open({ pages, oneBitmap: true }).ranges[2]).toEqual({
      start: 31 * PAGE_SIZE,
      size: 3 * PAGE_SIZE,
    });
    expect(open({}).ranges).toEqual([]);
  });

  test('reads dumps with one bitmap', () => {
    expectPages(open({ pages: somePages(), oneBitmap: true }), somePages(), PAGE_SIZE);
  });

  test('says what was left out', () => {
    expect(open({ dumpLevel: 1 }).leftOut).toBeUndefined();
    expect(open({ dumpLevel: 25 }).leftOut).toBe('user pages, free pages');
    expect(open({ dumpLevel: 31, status: 0x18, eraseSize: 10 }).leftOut).toBe(
      'page cache without private data, page cache with private data, user pages, free pages, ' +
        'the part of vmemmap that describes them, data that a filter of makedumpfile erased, ' +
        'all that came after the dump broke off',
    );
  });

  test('reads a dump that broke off as far as it goes, and one that was cut short with an error', () => {
    const pages = new Map<number, KdumpPage>([
      [0, pageOf(0)],
      [1, 'lost'],
      [2, pageOf(2)],
    ]);
    for (const status of [0, 8]) {
      const file = buildKdump({ pages, status });
      const memory = openSource(bytesSource(file.subarray(0, file.length - 1)));
      expect(memory.readFrame(0)).toEqual(pageOf(0));
      expect(memory.readFrame(1)).toBeUndefined();
      if (status === 8) expect(memory.readFrame(2)).toBeUndefined();
      else
        expect(messageOf(() => memory.readFrame(2))).toMatch(
          /test.kdump: page of the descriptor at \d+: found/,
        );
      const beforeDescriptors = openSource(bytesSource(file.subarray(0, 4 * PAGE_SIZE)));
      if (status === 8) expect(beforeDescriptors.readFrame(0)).toBeUndefined();
      else
        expect(messageOf(() => beforeDescriptors.readFrame(0))).toMatch(
          /page descriptor: found 24 bytes at 16384/,
        );
    }
  });

  test('refuses by name what it does not read', () => {
    const diskdump = buildKdump({});
    diskdump.set(new TextEncoder().encode('DISKDUMP'));
    expect(messageOf(() => openSource(bytesSource(diskdump)))).toMatch(
      /found diskdump, expected its successor/,
    );
    expect(messageOf(() => open({ split: true }))).toMatch(
      /split, expected a whole dump \(makedumpfile --reassemble/,
    );
    const narrow = buildKdump({});
    new DataView(narrow.buffer).setUint32(416, 4096, true);
    new DataView(narrow.buffer).setUint32(428, 0, true);
    expect(messageOf(() => openSource(bytesSource(narrow)))).toMatch(/32-bit machine/);
  });

  test('believes no number in the headers', () => {
    const spec = { pages: somePages(), vmcoreinfo: 'OSRELEASE=6\n' };
    const cases: [number, number, number | bigint, RegExp][] = [
      [8, 4, 7, /header version: found 7 in one byte order, 117440512 in the other, expected 1\.\.6/],
      [428, 4, 5000, /block size: found 5000/],
      [428, 4, 131072, /block size: found 131072/],
      [432, 4, 0xffffffff, /bitmaps: found 8192 bytes at/],
      [436, 4, 0xffffffff, /bitmaps: found \d+ bytes at 8192/],
      [436, 4, 0, /bitmaps: found 0 bytes, expected at least 4096 for 1001 pages/],
      [4096 + 40, 8, 2n ** 40n, /VMCOREINFO: found 1099511627776 bytes/],
      [4096 + 40, 8, 2n ** 60n, /size of VMCOREINFO: found 0x1000000000000000/],
      [4096 + 96, 8, 2n ** 36n + 1n, /max_mapnr: found 68719476737/],
      [4096 + 96, 8, 2n ** 30n, /bitmaps: found 8192 bytes, expected at least 134217728/],
    ];
    for (const [at, size, value, message] of cases) {
      const file = buildKdump(spec);
      const view = new DataView(file.buffer);
      if (size === 4) view.setUint32(at, Number(value), true);
      else view.setBigUint64(at, BigInt(value), true);
      expect(messageOf(() => openSource(bytesSource(file)))).toMatch(message);
    }
    for (const length of [0, 8, 100, 463, 4096, 8191]) {
      expect(messageOf(() => openSource(bytesSource(buildKdump(spec).subarray(0, length))))).toMatch(
        /test.kdump: /,
      );
    }
  });

  test('believes no number in a descriptor, and names its place', () => {
    const pages = new Map([[0, pageOf(0)]]);
    const descriptor = 4 * PAGE_SIZE;
    const cases: [number, number, RegExp][] = [
      [8, 4097, /size in the page descriptor at 16384: found 4097 bytes, expected at most 4096/],
      [8, 3, /page at 16408: found 3 bytes that do not, expected zlib data that unpack to 4096 bytes/],
      [12, 0, /size in the page descriptor at 16384: found \d+ bytes, expected 4096 bytes/],
      [12, 2, /expected lzo data/],
      [12, 4, /expected snappy data/],
      [12, 32, /expected zstd data/],
      [0, 2 ** 31, /page of the descriptor at 16384: found \d+ bytes at 2147483648/],
      [4, 2 ** 31, /offset in the page descriptor at 16384: found 0x8000000000004018/],
    ];
    for (const [at, value, message] of cases) {
      const file = buildKdump({ pages });
      new DataView(file.buffer).setUint32(descriptor + at, value, true);
      const memory = openSource(bytesSource(file));
      expect(messageOf(() => memory.readFrame(0))).toMatch(message);
    }
  });

  test('reads of a large file what is needed', () => {
    const file = buildKdump({ pages: new Map([[2 ** 23, pageOf(1)]]) });
    let read = 0;
    const source: ByteSource = {
      size: file.length,
      read(offset, length) {
        read += length;
        return file.subarray(offset, offset + length);
      },
    };
    const memory = openSource(source);
    expect(read).toBeLessThan(20_000);
    expect(memory.readFrame(2 ** 23)).toEqual(pageOf(1));
    expect(read).toBeLessThan(2 ** 20 + 100_000);
  });

  test('whatever is broken in a dump, reading it ends in success or in an InputError', () => {
    const files = COMPRESSIONS.flatMap((compression) => [
      buildKdump({
        compression,
        pages: new Map([
          [0, pageOf(0)],
          [3, repetitive(PAGE_SIZE)],
        ]),
        vmcoreinfo: 'OSRELEASE=6.1.0\n',
        notes: [qemuNote({ CR0: 1n, CR2: 2n, CR3: 3n, CR4: 4n })],
      }),
    ]);
    const places = fc.oneof(
      fc.nat(464),
      fc.integer({ min: 4096, max: 4800 }),
      fc.integer({ min: 16384, max: 20000 }),
    );
    const edits = fc.array(fc.tuple(places, fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255))), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        edits,
        fc.nat(25_000),
        fc.boolean(),
        (file, changes, cut, flat) => {
          const broken = file.slice();
          for (const [at, value] of changes) if (at < broken.length) broken[at] = value;
          const short = cut < 5000 ? broken.subarray(0, broken.length - cut) : broken;
          try {
            const bytes = flat && short.length > 0 ? flatten(short) : short;
            const source = bytesSource(bytes);
            const memory = openSource(flat ? new FlattenedSource(source, 'test') : source);
            expect(memory.ranges.length).toBeLessThan(2 ** 17);
            for (let pfn = 0; pfn < 5; pfn++)
              expect([undefined, PAGE_SIZE]).toContain(memory.readFrame(pfn)?.length);
          } catch (error) {
            expect(error).toBeInstanceOf(InputError);
          }
        },
      ),
      { numRuns: 400 },
    );
  });
});
