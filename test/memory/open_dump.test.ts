import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/errors.ts';
import { type ByteSource, bytesSource, openDump } from '../../src/memory/index.ts';
import { PAGE_SIZE } from '../../src/memory/physical_memory.ts';
import { nodeDecompressors } from '../../src/memory/sources/decompress.ts';
import { buildKdump, flatten } from '../support/kdump_writer.ts';
import { repetitive } from '../support/repetitive.ts';
import { buildCore } from './synthetic_core.ts';

const PTDUMP = '---[ Low Kernel Mapping ]---\n0xffff888000000000-0xffff888000099000  612K  RW  GLB NX pte\n';
const CORES = path.resolve(import.meta.dirname, '../data/cores');

const frames = [0, 1].map((pfn) => repetitive(2 * PAGE_SIZE).slice(pfn * PAGE_SIZE, (pfn + 1) * PAGE_SIZE));
const kdump = buildKdump({ pages: new Map(frames.entries()), vmcoreinfo: 'OSRELEASE=6.1.0\n' });
const core = buildCore({
  segments: [{ address: 0, bytes: repetitive(2 * PAGE_SIZE) }],
  notes: [{ name: 'VMCOREINFO', text: 'OSRELEASE=6.1.0\n' }],
});

const open = (bytes: Uint8Array, wrappings?: string[]) =>
  openDump(bytesSource(bytes), 'some.dump', nodeDecompressors, wrappings);

function problemOf(bytes: Uint8Array): InputError['problem'] {
  try {
    open(bytes);
  } catch (error) {
    if (error instanceof InputError) return error.problem;
    throw error;
  }
  throw new Error('it opened');
}

const ascii = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

describe('openDump', () => {
  test.each<[string, Uint8Array, string[]]>([
    ['ELF core', core, []],
    ['kdump-compressed dump (zlib)', kdump, []],
    ['ELF core', flatten(core), ['flattened']],
    ['kdump-compressed dump (zlib)', flatten(kdump), ['flattened']],
    ['raw memory', repetitive(2 * PAGE_SIZE), []],
  ])('knows what it is by its bytes: %s', (kind, bytes, wrappings) => {
    const told: string[] = [];
    const { memory, text } = open(bytes, told);
    expect([memory?.kind, text, told]).toEqual([kind, undefined, wrappings]);
    for (const [pfn, frame] of frames.entries()) expect(memory?.readFrame(pfn)).toEqual(frame);
  });

  test('hands over the text of ptdump', () => {
    expect(open(ascii(PTDUMP))).toEqual({ memory: undefined, text: PTDUMP });
  });

  test('refuses a text that no machine is large enough for before it reads it', () => {
    const start = ascii(PTDUMP.repeat(1000));
    const read: number[] = [];
    const source: ByteSource = {
      size: 2 ** 40,
      read(offset, length) {
        read.push(length);
        return start.subarray(offset, offset + length);
      },
    };
    expect(() => openDump(source, 'long', nodeDecompressors)).toThrow(/long: size of the ptdump text/);
    expect(Math.max(...read)).toBeLessThanOrEqual(65536);
  });

  test('says what it does not open', () => {
    expect(problemOf(new Uint8Array())).toMatchObject({ where: 'some.dump', found: 'an empty file' });
    expect(problemOf(ascii('QFI\xfb\0\0\0\x03'))).toMatchObject({ found: 'a qcow2 disk image' });
    expect(problemOf(flatten(flatten(core)))).toMatchObject({ found: 'another flattened dump' });
  });

  test('opens every recorded machine', () => {
    const names = readdirSync(CORES).filter((name) => name.endsWith('.core.gz'));
    expect(names.length).toBeGreaterThan(50);
    for (const name of names) {
      const { memory } = open(gunzipSync(readFileSync(path.join(CORES, name))));
      expect(memory?.kind, name).toBe('ELF core');
    }
  });

  test('ends in a dump or in bad input, whatever is broken in it', () => {
    const whole = fc.constantFrom(core, kdump, flatten(core), flatten(kdump));
    const change = fc.tuple(fc.nat(8191), fc.nat(255));
    fc.assert(
      fc.property(whole, fc.array(change, { maxLength: 8 }), fc.nat(), (bytes, changes, cut) => {
        const broken = bytes.slice(0, 1 + (cut % bytes.length));
        for (const [at, byte] of changes) if (at < broken.length) broken[at] = byte;
        try {
          const { memory } = open(broken);
          memory?.readFrame(0);
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });
});
