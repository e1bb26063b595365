import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InputError } from '../../../src/errors.ts';
import { PAGE_SIZE } from '../../../src/memory/physical_memory.ts';
import { openDump } from '../../../src/memory/sources/open_dump.ts';
import { buildCore } from '../synthetic_core.ts';

const PAGES = 40;
const memory = new Uint8Array(PAGES * PAGE_SIZE).map((_, index) => index >>> 12);
const core = buildCore({
  segments: [{ address: 0x10_0000, bytes: memory }],
  notes: [{ name: 'VMCOREINFO', text: 'OSRELEASE=6.1.0\n' }],
});

const FIRST_PFN = 0x100;
const DESCRIPTORS = '/proc/self/fd';
const isRoot = process.getuid?.() === 0;

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'directmap-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function save(name: string, bytes: Uint8Array): string {
  const file = path.join(directory, name);
  writeFileSync(file, bytes);
  return file;
}

function problemOf(file: string, limit?: number): InputError['problem'] {
  try {
    openDump(file, limit).close();
  } catch (error) {
    if (error instanceof InputError) return error.problem;
    throw error;
  }
  throw new Error('it opened');
}

const pack = (bytes: Uint8Array | string) => new Uint8Array(gzipSync(bytes));
const openDescriptors = () => readdirSync(DESCRIPTORS).length;

describe('openDump', () => {
  test('reads a core, gzipped or not, alike', () => {
    for (const file of [save('plain', core), save('packed', pack(core))]) {
      const dump = openDump(file);
      expect(dump.core.vmcoreinfo?.release).toBe('6.1.0');
      for (let page = 0; page < PAGES; page++) {
        expect(dump.core.readPage(FIRST_PFN + page)?.every((half) => half === page * 0x01010101)).toBe(true);
      }
      expect(dump.core.readPage(FIRST_PFN + PAGES)).toBeUndefined();
      dump.close();
      dump.close();
    }
  });

  test('says why a file cannot be read', () => {
    const missing = path.join(directory, 'missing');
    expect(problemOf(missing)).toEqual({
      code: 'unreadable',
      what: 'the dump',
      where: missing,
      because: 'no such file',
    });
    expect(problemOf(directory)).toMatchObject({ code: 'unreadable', because: 'it is a directory' });
    expect(problemOf('')).toMatchObject({ code: 'unreadable' });
    expect(problemOf('a\0b')).toMatchObject({ code: 'unreadable' });
    expect(problemOf('/dev/null')).toMatchObject({ because: expect.stringContaining('not a regular file') });
  });

  test.skipIf(isRoot)('says that permission is denied', () => {
    const file = save('secret', core);
    chmodSync(file, 0);
    expect(problemOf(file)).toMatchObject({ code: 'unreadable', because: 'permission denied' });
  });

  test.runIf(existsSync('/usr/bin/mkfifo'))('does not wait for somebody to write to a pipe', () => {
    const pipe = path.join(directory, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(problemOf(pipe)).toMatchObject({ because: expect.stringContaining('not a regular file') });
  });

  test('refuses files that are no cores', () => {
    expect(problemOf(save('empty', new Uint8Array(0)))).toMatchObject({
      code: 'bad-format',
      found: 'an empty file',
    });
    expect(problemOf(save('text', new TextEncoder().encode('hello')))).toMatchObject({ code: 'bad-format' });
    expect(problemOf(save('packed-text', pack('hello')))).toMatchObject({ code: 'bad-format' });
    expect(problemOf(save('cut', core.subarray(0, core.length - 1)))).toMatchObject({ code: 'bad-format' });
  });

  test('refuses gzip data that is corrupt or cut short', () => {
    const packed = pack(core);
    const flipped = packed.slice();
    flipped[packed.length >>> 1]! ^= 0xff;
    const broken = [
      flipped,
      packed.subarray(0, packed.length - 5),
      packed.subarray(0, 2),
      packed.subarray(0, 11),
    ];
    for (const bytes of broken) {
      expect(problemOf(save('broken', bytes))).toMatchObject({ code: 'bad-format', what: 'gzip data' });
    }
  });

  test('refuses to inflate more than its limit, and says what to do', () => {
    const file = save('bomb', pack(new Uint8Array(1 << 24)));
    expect(problemOf(file, 1 << 23)).toMatchObject({
      code: 'unreadable',
      because: expect.stringMatching(/too large.*8388608.*gunzip/),
    });
    expect(problemOf(file, 100)).toMatchObject({ because: expect.stringContaining('too large') });
    expect(problemOf(file, 1 << 24)).toMatchObject({ code: 'bad-format' });
  });

  test('a file that shrinks while it is open is an InputError, not wrong words', () => {
    const file = save('shrinking', core);
    const dump = openDump(file);
    expect(dump.core.readPage(FIRST_PFN)).toBeDefined();
    truncateSync(file, core.length - 2 * PAGE_SIZE + 5);
    expect(dump.core.readPage(FIRST_PFN + 1)).toBeDefined();
    expect(() => dump.core.readPage(FIRST_PFN + PAGES - 2)).toThrow(/it ends at byte \d+, and had \d+ bytes/);
    expect(() => dump.core.readPage(FIRST_PFN + PAGES - 1)).toThrow(InputError);
    dump.close();
  });

  test('a closed dump is not read from', () => {
    const dump = openDump(save('closed', core));
    dump.close();
    expect(() => dump.core.readPage(FIRST_PFN)).toThrow('it was closed');
  });

  test.runIf(existsSync(DESCRIPTORS))('leaves no descriptor behind, whatever happens', () => {
    const files = [
      save('plain', core),
      save('packed', pack(core)),
      save('text', new TextEncoder().encode('hello')),
      save('broken', pack(core).subarray(0, 100)),
      path.join(directory, 'missing'),
      directory,
    ];
    const before = openDescriptors();
    for (const file of files) {
      try {
        openDump(file).close();
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
      }
    }
    expect(openDescriptors()).toBe(before);
  });

  test('reads no more of a file than it is asked for', () => {
    const file = save('sparse', core);
    truncateSync(file, 2 ** 40);
    const dump = openDump(file);
    expect(dump.core.readPage(FIRST_PFN + 7)?.[0]).toBe(0x07070707);
    dump.close();
  });

  test('any one byte of gzip data changed ends in success or an InputError', () => {
    const packed = pack(core);
    for (let position = 0; position < packed.length; position++) {
      const bytes = packed.slice();
      bytes[position]! ^= 0x55;
      try {
        openDump(save('flipped', bytes)).close();
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
      }
    }
  });
});
