import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/errors.ts';
import { type ByteSource, bytesSource } from '../../src/memory/byte_source.ts';
import { ElfCore } from '../../src/memory/elf_core.ts';
import { PAGE_SIZE } from '../../src/memory/physical_memory.ts';
import { buildCore, type SyntheticSegment } from './synthetic_core.ts';

const MEMORY_TOP = 16 * PAGE_SIZE;

function openBytes(bytes: Uint8Array): ElfCore {
  return new ElfCore(bytesSource(bytes), 'test.core');
}

/** The problem that opening `bytes` ends in. */
function problemOf(bytes: Uint8Array): InputError['problem'] {
  try {
    openBytes(bytes);
  } catch (error) {
    if (error instanceof InputError) return error.problem;
    throw error;
  }
  throw new Error('it opened');
}

/** Opening and then reading all that can be read ends in success or in an InputError, and this says in which. */
function survives(bytes: Uint8Array): boolean {
  try {
    const core = openBytes(bytes);
    for (const { start, size } of core.segments) {
      core.readPage(Math.floor(start / PAGE_SIZE));
      core.readPage(Math.floor((start + size - 1) / PAGE_SIZE));
    }
    return true;
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}

function bytesOfPage(core: ElfCore, pfn: number): Uint8Array | undefined {
  const words = core.readPage(pfn);
  if (words === undefined) return undefined;
  const view = new DataView(new ArrayBuffer(PAGE_SIZE));
  for (let at = 0; at < PAGE_SIZE; at += 8) {
    const word = (BigInt(words[(at >>> 2) + 1]!) << 32n) | BigInt(words[at >>> 2]!);
    view.setBigUint64(at, word, core.littleEndian);
  }
  return new Uint8Array(view.buffer);
}

const counting = (length: number, first = 1) => Uint8Array.from({ length }, (_, index) => first + index);

const valid = buildCore({
  segments: [
    { address: 0x1000, bytes: counting(PAGE_SIZE) },
    { address: 0x5800, bytes: counting(0x900) },
  ],
  notes: [
    { name: 'CORE', text: 'registers' },
    { name: 'VMCOREINFO', text: 'OSRELEASE=6.1.0\n' },
  ],
});

describe('ElfCore', () => {
  test('reads words in the byte order of the file', () => {
    for (const littleEndian of [true, false]) {
      const core = openBytes(
        buildCore({ littleEndian, machine: 22, segments: [{ address: 0x3000, bytes: counting(PAGE_SIZE) }] }),
      );
      expect(core.littleEndian).toBe(littleEndian);
      expect(core.machine).toBe(22);
      const page = core.readPage(3)!;
      expect(page).toHaveLength(1024);
      expect([page[0], page[1]]).toEqual(littleEndian ? [0x04030201, 0x08070605] : [0x05060708, 0x01020304]);
    }
  });

  test('has nothing where no segment has a byte', () => {
    const core = openBytes(valid);
    for (const pfn of [0, 2, 4, 7, -1, 2 ** 41, 2 ** 53, Number.NaN])
      expect(core.readPage(pfn)).toBeUndefined();
  });

  test('fills a frame that is covered in part with zeros', () => {
    const core = openBytes(valid);
    const [first, last] = [bytesOfPage(core, 5)!, bytesOfPage(core, 6)!];
    expect(first.subarray(0, 0x800)).toEqual(new Uint8Array(0x800));
    expect(first.subarray(0x800)).toEqual(counting(0x800));
    expect(last.subarray(0, 0x100)).toEqual(counting(0x100));
    expect(last.subarray(0x100)).toEqual(new Uint8Array(0xf00));
  });

  test('believes the first of overlapping segments, byte for byte', () => {
    const segment = fc.record({
      address: fc.nat(MEMORY_TOP),
      size: fc.nat(3 * PAGE_SIZE),
      value: fc.integer({ min: 1, max: 255 }),
    });
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 12 }), (list) => {
        const segments = list.map(({ address, size, value }) => ({
          address,
          bytes: new Uint8Array(size).fill(value),
        }));
        const core = openBytes(buildCore({ segments }));
        const memory = paint(segments);
        for (let pfn = 0; pfn * PAGE_SIZE < memory.length; pfn++) {
          const expected = memory.slice(pfn * PAGE_SIZE, (pfn + 1) * PAGE_SIZE);
          const read = bytesOfPage(core, pfn);
          if (read === undefined) expect(expected.every((byte) => byte === 0)).toBe(true);
          else expect(Buffer.compare(read, expected)).toBe(0);
        }
        let end = 0;
        for (const { start, size } of core.segments) {
          expect(start).toBeGreaterThanOrEqual(end);
          expect(size).toBeGreaterThan(0);
          end = start + size;
        }
      }),
    );
  });

  test('finds VMCOREINFO among other notes', () => {
    expect(openBytes(valid).vmcoreinfo?.release).toBe('6.1.0');
    expect(
      openBytes(buildCore({ notes: [{ name: 'VMCOREINFO_XEN', text: 'a=b' }] })).vmcoreinfo,
    ).toBeUndefined();
    expect(openBytes(buildCore({})).vmcoreinfo).toBeUndefined();
  });

  test('takes headers that are larger than they need to be', () => {
    const segments = [{ address: 0x1000, bytes: counting(PAGE_SIZE) }];
    const core = openBytes(buildCore({ segments, headerSize: 80, programHeaderSize: 61 }));
    expect(core.readPage(1)?.[0]).toBe(0x04030201);
  });

  test("takes QEMU's headers, which give 8 for their own size", () => {
    const bytes = valid.slice();
    new DataView(bytes.buffer).setUint16(52, 8, true);
    expect(openBytes(bytes).readPage(1)).toEqual(openBytes(valid).readPage(1));
  });

  test('tells memory that was left out of the file from what the machine does not have', () => {
    const core = openBytes(
      buildCore({
        segments: [
          { address: 0x1000, bytes: counting(PAGE_SIZE), memorySize: 0x4000 },
          { address: 0x8000, bytes: new Uint8Array(0), memorySize: 0x1000 },
        ],
      }),
    );
    const places = (ranges: readonly { start: number; size: number }[]) =>
      ranges.map(({ start, size }) => [start, size]);
    expect(places(core.ranges)).toEqual([[0x1000, 0x1000]]);
    expect(places(core.machineRanges)).toEqual([
      [0x1000, 0x4000],
      [0x8000, 0x1000],
    ]);
    expect(core.readFrame(2)).toBeUndefined();
    expect(places(openBytes(valid).machineRanges)).toEqual(places(openBytes(valid).ranges));
  });

  test('knows a dump of Xen by its notes', () => {
    expect(openBytes(buildCore({ notes: [{ name: 'Xen', text: '' }] })).xen).toBe(true);
    expect(openBytes(valid).xen).toBe(false);
  });

  test("takes the control registers of each CPU from QEMU's notes", () => {
    const state = new Uint8Array(440);
    const view = new DataView(state.buffer);
    [0x80050033n, 0n, 0x7f00n, 0x101b92000n, 0x1000n].forEach((value, index) => {
      view.setBigUint64(392 + 8 * index, value, true);
    });
    const note = { name: 'QEMU', text: state };
    expect(openBytes(buildCore({ notes: [note, note] })).cpus).toEqual(
      Array(2).fill({ CR0: 0x80050033n, CR2: 0x7f00n, CR3: 0x101b92000n, CR4: 0x1000n }),
    );
  });

  test('takes the number of program headers from section 0 where the header has no room for it', () => {
    const segments = Array.from({ length: 70_000 }, (_, index) => ({
      address: 2 * index,
      bytes: Uint8Array.of(index),
    }));
    const core = openBytes(buildCore({ segments, countInSection: true }));
    expect(core.segments).toHaveLength(70_000);
    expect(bytesOfPage(core, 34)![2]).toBe(((34 * PAGE_SIZE + 2) / 2) & 0xff);
  });

  test('passes over segments without a physical address or without bytes', () => {
    const core = openBytes(
      buildCore({
        segments: [
          { address: 2n ** 64n - 1n, bytes: counting(PAGE_SIZE) },
          { address: 2n ** 60n, bytes: new Uint8Array(0) },
          { address: 0x2000, bytes: counting(PAGE_SIZE) },
        ],
      }),
    );
    expect(core.segments.map(({ start, size }) => ({ start, size }))).toEqual([
      { start: 0x2000, size: PAGE_SIZE },
    ]);
  });

  test('reads a page again from its cache, and however many there are', () => {
    const segments = [{ address: 0, bytes: new Uint8Array(600 * PAGE_SIZE).map((_, index) => index >>> 12) }];
    const core = openBytes(buildCore({ segments }));
    expect(core.readPage(7)).toBe(core.readPage(7));
    for (let round = 0; round < 2; round++) {
      for (let pfn = 0; pfn < 600; pfn++) expect(core.readPage(pfn)?.[5]).toBe((pfn & 0xff) * 0x01010101);
    }
  });

  test('never changes what it was given', () => {
    const copy = valid.slice();
    survives(valid);
    expect(valid).toEqual(copy);
  });

  test('turns an error of the source into nothing else', () => {
    const size = valid.length;
    const short: ByteSource = { size, read: (offset, length) => valid.subarray(offset, offset + length - 1) };
    expect(() => new ElfCore(short, 'short')).toThrow(InputError);
  });
});

describe('ElfCore on files that are no cores', () => {
  const set = (patch: (view: DataView) => void) => {
    const bytes = valid.slice();
    patch(new DataView(bytes.buffer));
    return bytes;
  };
  const FIRST_LOAD = 64 + 56;

  test('says what it found and what it expected', () => {
    const where = 'test.core';
    expect(problemOf(new Uint8Array(0))).toMatchObject({ code: 'bad-format', where, found: 'an empty file' });
    expect(problemOf(new TextEncoder().encode('hello'))).toMatchObject({ found: '68 65 6c 6c' });
    expect(problemOf(new TextEncoder().encode('KDUMP   '))).toMatchObject({
      found: 'a kdump-compressed dump',
    });
    expect(problemOf(set((view) => view.setUint8(4, 1)))).toMatchObject({ what: 'ELF class', found: '1' });
    expect(problemOf(set((view) => view.setUint8(5, 3)))).toMatchObject({
      what: 'ELF byte order',
      found: '3',
    });
    expect(problemOf(set((view) => view.setUint16(16, 2, true)))).toMatchObject({
      what: 'ELF file type',
      found: '2',
      expected: '4 (a core)',
    });
    expect(problemOf(set((view) => view.setUint16(54, 55, true)))).toMatchObject({
      what: 'e_phentsize',
      found: '55',
      expected: 'at least 56',
    });
  });

  test('refuses addresses, sizes and positions that a number cannot hold', () => {
    for (const field of [8, 24, 32]) {
      const bytes = set((view) => view.setBigUint64(FIRST_LOAD + field, 2n ** 53n, true));
      expect(problemOf(bytes)).toMatchObject({ found: '0x20000000000000', expected: 'a number below 2^53' });
    }
    const wrapping = set((view) => view.setBigUint64(FIRST_LOAD + 24, 2n ** 53n - 1n, true));
    expect(problemOf(wrapping)).toMatchObject({ found: '0x20000000000fff' });
  });

  test('refuses what lies beyond the end of the file', () => {
    const size = `${valid.length} bytes of the file`;
    const inFile = expect.stringContaining(size);
    expect(problemOf(set((view) => view.setBigUint64(32, 2n ** 40n, true)))).toMatchObject({
      expected: inFile,
    });
    expect(problemOf(set((view) => view.setUint16(56, 0xfffe, true)))).toMatchObject({ expected: inFile });
    expect(problemOf(set((view) => view.setBigUint64(FIRST_LOAD + 32, 2n ** 52n, true)))).toMatchObject({
      expected: inFile,
    });
    expect(problemOf(set((view) => view.setUint32(64 + 3 * 56 + 4, 0xffff_ffff, true)))).toMatchObject({
      what: expect.stringContaining('note at'),
    });
  });

  test('refuses four billion program headers, whatever size the file claims to have', () => {
    const head = buildCore({ countInSection: true });
    new DataView(head.buffer).setUint32(64 + 44, 0xffff_ffff, true);
    const huge: ByteSource = {
      size: 2 ** 50,
      read(offset, length) {
        const bytes = new Uint8Array(length);
        bytes.set(head.subarray(offset, offset + length));
        return bytes;
      },
    };
    expect(() => new ElfCore(huge, 'huge')).toThrow('found 4294967295, expected at most 1048576');
  });

  test('refuses PN_XNUM without a section to take the count from', () => {
    expect(problemOf(set((view) => view.setUint16(56, 0xffff, true)))).toMatchObject({
      what: 'e_shoff',
      found: '0',
    });
  });

  test('ends a list of notes at one without a name', () => {
    expect(openBytes(set((view) => view.setUint32(64 + 3 * 56, 0, true))).vmcoreinfo).toBeUndefined();
  });

  test('survives random bytes', () => {
    const anyBytes = fc.uint8Array({ maxLength: 2048 });
    fc.assert(fc.property(anyBytes, (bytes) => void survives(bytes)));
    const headed = anyBytes.map((bytes) => {
      bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1].slice(0, bytes.length));
      if (bytes.length >= 18) bytes.set([4, 0], 16);
      return bytes;
    });
    fc.assert(fc.property(headed, (bytes) => void survives(bytes)));
  });

  test('refuses every truncation', () => {
    for (let length = 0; length < valid.length; length++)
      expect(survives(valid.subarray(0, length))).toBe(false);
    expect(survives(valid)).toBe(true);
  });

  test('survives any byte of the headers and notes changed to anything', () => {
    const at = fc.nat(64 + 3 * 56 + 64);
    const flips = fc.array(fc.tuple(at, fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(flips, (list) => {
        const bytes = valid.slice();
        for (const [position, value] of list) bytes[position] = value;
        survives(bytes);
      }),
      { numRuns: 3000 },
    );
  });

  test('survives extreme values in any field', () => {
    const value = fc.oneof(
      fc.constantFrom(
        0n,
        1n,
        2n ** 31n,
        2n ** 32n - 1n,
        2n ** 53n - 1n,
        2n ** 53n,
        2n ** 63n,
        2n ** 64n - 1n,
      ),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.bigInt({ min: 0n, max: BigInt(valid.length) }),
    );
    const field = fc.tuple(
      fc.nat(60).map((word) => 4 * word),
      fc.constantFrom(2, 4, 8),
      value,
    );
    fc.assert(
      fc.property(fc.array(field, { minLength: 1, maxLength: 5 }), fc.boolean(), (fields, littleEndian) => {
        const bytes = set((view) => {
          view.setUint8(5, littleEndian ? 1 : 2);
          view.setUint16(16, 4, littleEndian);
          for (const [at, width, bits] of fields) {
            if (width === 2) view.setUint16(at, Number(bits & 0xffffn), littleEndian);
            else if (width === 4) view.setUint32(at, Number(bits & 0xffff_ffffn), littleEndian);
            else view.setBigUint64(at, bits, littleEndian);
          }
        });
        survives(bytes);
      }),
      { numRuns: 3000 },
    );
  });

  test('is quick when a hundred thousand segments overlap', () => {
    const count = 100_000;
    const segments = Array.from({ length: count }, () => ({ address: 0, bytes: Uint8Array.of(1) }));
    const bytes = buildCore({ segments, countInSection: true });
    const view = new DataView(bytes.buffer);
    for (let index = 0; index < count; index++) {
      const header = 64 + index * 56;
      view.setBigUint64(header + 8, 0n, true);
      view.setBigUint64(header + 24, BigInt((index * 7919) % count), true);
      view.setBigUint64(header + 32, BigInt(bytes.length >>> 1), true);
    }
    const began = performance.now();
    const core = openBytes(bytes);
    core.readPage(3);
    expect(core.segments.at(-1)?.start).toBeGreaterThan(bytes.length >>> 1);
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});

/** Memory as overlapping segments give it, the simple way: painted from the last to the first. */
function paint(segments: readonly (SyntheticSegment & { address: number })[]): Uint8Array {
  const memory = new Uint8Array(MEMORY_TOP + 4 * PAGE_SIZE);
  for (const { address, bytes } of segments.toReversed()) memory.set(bytes, address);
  return memory;
}
