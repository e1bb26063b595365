import { describe, expect, test } from 'vitest';
import { detectFormat } from '../../src/memory/file_format.ts';
import { buildKdump, flatten } from '../support/kdump_writer.ts';
import { buildCore } from './synthetic_core.ts';

const text = (content: string) => new TextEncoder().encode(content);
const latin1 = (content: string) => Uint8Array.from(content, (char) => char.charCodeAt(0));
const formatOf = (start: Uint8Array) => detectFormat(start).format;

describe('detectFormat', () => {
  test('knows each format by its content', () => {
    expect(formatOf(latin1('\x1f\x8b\x08\0'))).toBe('gzip');
    expect(formatOf(latin1('\x28\xb5\x2f\xfd\0'))).toBe('zstd');
    expect(formatOf(latin1('\xfd7zXZ\0\0'))).toBe('xz');
    expect(formatOf(buildKdump({}))).toBe('kdump');
    expect(formatOf(text('DISKDUMP and more'))).toBe('kdump');
    expect(formatOf(flatten(buildKdump({})))).toBe('flattened');
    expect(formatOf(buildCore({}))).toBe('elf');
    for (const start of ['', '\x1f', 'KDUMP', 'hello', '\0\0\0\0'])
      expect(formatOf(latin1(start))).toBe('unknown');
  });

  test('takes text for that of ptdump where a line is one of its lines', () => {
    const range = '0xffff888000000000-0xffff888000099000         612K     RW                 GLB NX pte\n';
    expect(formatOf(text('---[ User Space ]---\n'))).toBe('ptdump text');
    expect(formatOf(text(range))).toBe('ptdump text');
    expect(formatOf(text(`\n# taken at night: grüße\n${range}`))).toBe('ptdump text');
    expect(formatOf(text(`\0${range}`))).toBe('unknown');
    expect(formatOf(text(`see ${range}`))).toBe('unknown');
    expect(formatOf(text('0xffff8880-0xffff8890 4K'))).toBe('unknown');
  });

  test('names what it knows and does not read', () => {
    expect(detectFormat(latin1('QFI\xfb\0\0\0\x03'))).toMatchObject({
      format: 'refused',
      name: 'a qcow2 disk image',
    });
    expect(detectFormat(latin1('BZh91AY'))).toMatchObject({ name: 'bzip2 data', advice: 'unpack it first' });
    expect(detectFormat(latin1('EMiL\x01\0\0\0'))).toMatchObject({ name: "LiME's format" });
  });
});
