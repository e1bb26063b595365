import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InputError } from '../../../src/errors.ts';
import { PAGE_SIZE } from '../../../src/memory/physical_memory.ts';
import { type OpenOptions, openMemory } from '../../../src/memory/sources/open_memory.ts';
import { buildKdump, flatten, type KdumpPage } from '../../support/kdump_writer.ts';
import { LITTLE_KDUMP_XZ, MEGABYTE_XZ, ZSTD_22_OF_65536 } from '../../support/packed_fixtures.ts';
import { repetitive } from '../../support/repetitive.ts';
import { buildCore } from '../synthetic_core.ts';

const DESCRIPTORS = '/proc/self/fd';
const PTDUMP = '---[ Low Kernel Mapping ]---\n0xffff888000000000-0xffff888000099000  612K  RW  GLB NX pte\n';

const frames = [0, 1, 2, 3].map((number) =>
  repetitive(4 * PAGE_SIZE)
    .slice(number * PAGE_SIZE)
    .subarray(0, PAGE_SIZE),
);
const pages = new Map<number, KdumpPage>(frames.map((frame, pfn) => [pfn, frame]));
const kdump = buildKdump({ pages, vmcoreinfo: 'OSRELEASE=6.1.0\n' });
const core = buildCore({
  segments: [{ address: 0, bytes: repetitive(4 * PAGE_SIZE) }],
  notes: [{ name: 'VMCOREINFO', text: 'OSRELEASE=6.1.0\n' }],
});
const pack = (bytes: Uint8Array | string) => new Uint8Array(gzipSync(bytes));
/** A zstd frame of one raw block. */
const packZstd = (bytes: Uint8Array) =>
  new Uint8Array(
    Buffer.concat([
      Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, bytes.length, bytes.length >> 8, 0, 0]),
      Uint8Array.from([(bytes.length << 3) | 1, bytes.length >> 5, bytes.length >> 13]),
      bytes,
    ]),
  );

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'directmap-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function save(name: string, bytes: Uint8Array | string): string {
  const file = path.join(directory, name);
  writeFileSync(file, bytes);
  return file;
}

async function problemOf(file: string, options?: OpenOptions): Promise<InputError['problem']> {
  try {
    (await openMemory(file, options)).close();
  } catch (error) {
    if (error instanceof InputError) return error.problem;
    throw error;
  }
  throw new Error('it opened');
}

const openDescriptors = () => readdirSync(DESCRIPTORS).length;

describe('openMemory', () => {
  test('opens every format, packed or not, and all give the same frames', async () => {
    const files: [Uint8Array, string, string[]][] = [
      [core, 'ELF core', []],
      [kdump, 'kdump-compressed dump (zlib)', []],
      [flatten(kdump), 'kdump-compressed dump (zlib)', ['flattened']],
      [flatten(core), 'ELF core', ['flattened']],
      [pack(core), 'ELF core', ['gzip']],
      [packZstd(core), 'ELF core', ['zstd']],
      [pack(packZstd(flatten(kdump))), 'kdump-compressed dump (zlib)', ['gzip', 'zstd', 'flattened']],
      [repetitive(4 * PAGE_SIZE), 'raw memory', []],
      [pack(repetitive(4 * PAGE_SIZE)), 'raw memory', ['gzip']],
    ];
    for (const [bytes, kind, wrappings] of files) {
      const file = save('any.name', bytes);
      for (const limits of [{}, { memory: 1000, directory }]) {
        const opened = await openMemory(file, { limits });
        expect(opened.memory?.kind).toBe(kind);
        expect(opened.wrappings).toEqual(wrappings);
        expect(opened.text).toBeUndefined();
        if (kind !== 'raw memory') expect(opened.memory?.vmcoreinfo?.release).toBe('6.1.0');
        frames.forEach((frame, pfn) => {
          expect(Buffer.compare(opened.memory!.readFrame(pfn)!, frame)).toBe(0);
        });
        expect(opened.memory!.readFrame(4)).toBeUndefined();
        opened.close();
        opened.close();
      }
    }
  });

  test('unpacks what xz and zstd wrote', async () => {
    const xz = await openMemory(save('xz', LITTLE_KDUMP_XZ));
    expect(xz.memory?.vmcoreinfo?.release).toBe('6.1.0');
    expect(xz.wrappings).toEqual(['xz']);
    xz.close();
    const zstd = await openMemory(save('zstd', ZSTD_22_OF_65536));
    expect(Buffer.compare(zstd.memory!.readFrame(15)!, repetitive(65536).subarray(15 * PAGE_SIZE))).toBe(0);
    zstd.close();
  });

  test('hands over the text of ptdump', async () => {
    for (const bytes of [PTDUMP, pack(PTDUMP)]) {
      const opened = await openMemory(save('text', bytes));
      expect(opened.text).toBe(PTDUMP);
      expect(opened.memory).toBeUndefined();
      opened.close();
    }
    const long = save('long', PTDUMP.repeat(1000));
    truncateSync(long, 2 ** 30);
    expect(await problemOf(long)).toMatchObject({
      what: 'size of the ptdump text',
      found: '1073741824 bytes',
    });
  });

  test('reads as raw what it is told is raw', async () => {
    const raw = {
      segments: [{ physical: 0x8000_0000, offset: PAGE_SIZE }],
      littleEndian: false,
      machine: 22,
    };
    for (const bytes of [core, pack(core)]) {
      const opened = await openMemory(save('raw', bytes), { raw });
      expect(opened.memory).toMatchObject({ kind: 'raw memory', littleEndian: false, machine: 22 });
      expect(opened.memory!.readFrame(0x80000)).toEqual(core.slice(PAGE_SIZE, 2 * PAGE_SIZE));
      opened.close();
    }
    const outside = { segments: [{ physical: 0, offset: 2 ** 30 }] };
    expect(await problemOf(save('raw', core), { raw: outside })).toMatchObject({ code: 'out-of-range' });
  });

  test('says why it opens nothing', async () => {
    expect(await problemOf(path.join(directory, 'missing'))).toMatchObject({ because: 'no such file' });
    expect(await problemOf(directory)).toMatchObject({ because: 'it is a directory' });
    expect(await problemOf('/dev/null')).toMatchObject({
      because: expect.stringContaining('not a regular file'),
    });
    expect(await problemOf(save('empty', ''))).toMatchObject({ found: 'an empty file' });
    expect(await problemOf(save('empty', pack('')))).toMatchObject({ found: 'an empty file' });
    const disk = Uint8Array.from('QFI\xfb\0\0\0\x03', (char) => char.charCodeAt(0));
    expect(await problemOf(save('disk', disk))).toMatchObject({ found: 'a qcow2 disk image' });
    expect(await problemOf(save('flat', flatten(flatten(kdump))))).toMatchObject({
      found: 'another flattened dump',
    });
    let many = core;
    for (let layer = 0; layer < 5; layer++) many = pack(many) as Uint8Array<ArrayBuffer>;
    expect(await problemOf(save('many', many))).toMatchObject({ found: 'more than 4' });
  });

  test.runIf(existsSync('/usr/bin/mkfifo'))('does not wait for somebody to write to a pipe', async () => {
    const pipe = path.join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(await problemOf(pipe)).toMatchObject({ because: expect.stringContaining('not a regular file') });
  });

  test('refuses packed data that are cut short or corrupt, and those that unpack without end', async () => {
    for (const [packing, bytes] of [
      ['gzip', pack(kdump)],
      ['zstd', packZstd(kdump)],
      ['xz', LITTLE_KDUMP_XZ],
    ] as const) {
      const what = `${packing} data`;
      for (const length of [6, 11, bytes.length >> 1, bytes.length - 5]) {
        expect(await problemOf(save('cut', bytes.subarray(0, length)))).toMatchObject({
          code: 'bad-format',
          what,
        });
      }
    }
    const flipped = LITTLE_KDUMP_XZ.slice();
    flipped[flipped.length >> 1]! ^= 0xff;
    expect(await problemOf(save('flipped', flipped))).toMatchObject({
      what: 'xz data',
      found: expect.stringContaining('corrupt data'),
    });

    const bomb = save('bomb', pack(new Uint8Array(2 ** 24)));
    expect(await problemOf(bomb, { limits: { total: 2 ** 23 } })).toMatchObject({
      code: 'unreadable',
      because: expect.stringContaining('too large: more than 8388608 bytes'),
    });
    const blocks = Array.from({ length: 5000 }, () => [2, 0, 16, 7]).flat();
    const zstdBomb = save('bomb', Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x58, ...blocks]));
    const limits = { memory: 2 ** 20, spare: 2 ** 60, directory };
    expect(await problemOf(zstdBomb, { limits })).toMatchObject({
      because: expect.stringContaining('has no room'),
    });
  });

  test('opens an xz file after another was given up', async () => {
    const file = save('xz', MEGABYTE_XZ);
    for (let round = 0; round < 2; round++) {
      expect(await problemOf(file, { limits: { total: 100 } })).toMatchObject({ code: 'unreadable' });
    }
    const opened = await openMemory(file);
    expect(opened.memory?.ranges).toMatchObject([{ start: 0, size: 2 ** 20 }]);
    opened.close();
  });

  test('says how far it is', async () => {
    const seen: string[] = [];
    const file = save('progress', pack(core));
    (
      await openMemory(file, { onProgress: (done, total, what) => seen.push(`${what} ${done / total}`) })
    ).close();
    expect([seen[0], seen.at(-1)]).toEqual(['unpacking gzip 0', 'unpacking gzip 1']);
  });

  test.runIf(existsSync(DESCRIPTORS))(
    'leaves no descriptor and no file behind, whatever happens',
    async () => {
      const files = [
        kdump,
        pack(kdump),
        packZstd(kdump),
        LITTLE_KDUMP_XZ,
        pack(kdump).subarray(0, 900),
        flatten(kdump),
      ];
      const before = openDescriptors();
      const list = readdirSync(directory).length;
      for (const [index, bytes] of files.entries()) {
        const file = save('descriptors', bytes);
        try {
          (await openMemory(file, { limits: { memory: 10, directory } })).close();
          expect(index).not.toBe(4);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
        }
        rmSync(file);
      }
      expect(openDescriptors()).toBe(before);
      expect(readdirSync(directory)).toHaveLength(list);
    },
  );

  test('whatever is broken in a file, opening and reading it ends in success or in an InputError', async () => {
    const valid = [
      core,
      kdump,
      flatten(kdump),
      pack(kdump),
      packZstd(kdump),
      LITTLE_KDUMP_XZ,
      ZSTD_22_OF_65536,
    ];
    const edits = fc.array(fc.tuple(fc.oneof(fc.nat(100), fc.nat(30_000)), fc.nat(255)), { maxLength: 3 });
    const file = path.join(directory, 'broken');
    await fc.assert(
      fc.asyncProperty(
        fc.nat(6),
        fc.nat(6),
        edits,
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (one, other, changes, share) => {
          const whole = valid[one]!.slice();
          for (const [at, value] of changes) whole[at % whole.length] = value;
          const cut = share < 0.5 ? Math.floor(whole.length * share * 2) : whole.length;
          const tail = share < 0.25 ? valid[other]!.subarray(cut) : new Uint8Array();
          writeFileSync(file, Buffer.concat([whole.subarray(0, cut), tail]));
          try {
            const opened = await openMemory(file);
            const ranges = opened.memory?.ranges ?? [];
            for (let pfn = 0; pfn < 5; pfn++) opened.memory?.readFrame(pfn);
            expect(ranges.length).toBeLessThan(2 ** 17);
            opened.close();
          } catch (error) {
            expect(error).toBeInstanceOf(InputError);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test.runIf(existsSync(DESCRIPTORS))('leaves no descriptor behind, whatever happens', async () => {
    const files = [
      save('plain', core),
      save('packed', pack(core)),
      save('flat', flatten(kdump)),
      save('text', PTDUMP),
      save('broken', pack(core).subarray(0, 100)),
      path.join(directory, 'missing'),
      directory,
    ];
    const before = openDescriptors();
    for (const file of files) {
      try {
        (await openMemory(file)).close();
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
      }
    }
    expect(openDescriptors()).toBe(before);
  });

  test('any one byte of gzip data changed ends in success or an InputError', async () => {
    const packed = pack(core);
    for (let position = 0; position < packed.length; position++) {
      const bytes = packed.slice();
      bytes[position]! ^= 0x55;
      try {
        (await openMemory(save('flipped', bytes))).close();
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
      }
    }
  });
});
