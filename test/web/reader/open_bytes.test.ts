import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { inspectMemory } from '../../../src/inspect/inspect_memory.ts';
import { bytesSource } from '../../../src/memory/byte_source.ts';
import { inspectText } from '../../../src/report/inspect_text.ts';
import { blobSource } from '../../../web/reader/blob_source.ts';
import { openBytes } from '../../../web/reader/open_bytes.ts';
import { buildKdump, flatten } from '../../support/kdump_writer.ts';
import { openCore } from '../../support/open_core.ts';
import { repetitive } from '../../support/repetitive.ts';
import { BytesBlob, bytesReader } from './bytes_blob.ts';

const CORES = path.resolve(import.meta.dirname, '../../data/cores');

const kdump = buildKdump({ pages: new Map([[0, repetitive(4096)]]), vmcoreinfo: 'OSRELEASE=6.1.0\n' });
const pack = (bytes: Uint8Array) => new Uint8Array(gzipSync(bytes));

describe('openBytes', () => {
  test('finds in a packed core what the command line finds', async () => {
    const file = path.join(CORES, 'x86_64-6.1-debian.core.gz');
    const blob = new BytesBlob(new Uint8Array(readFileSync(file)));
    const { memory } = await openBytes(blobSource(blob, 'a core', bytesReader()), 'a core');
    const here = inspectText(inspectMemory(memory!, 'a core', {}).inspection);
    expect(here).toBe(inspectText(inspectMemory(openCore(file), 'a core', {}).inspection));
    expect(here).toContain('6.1');
  });

  test('unpacks what was packed more than once, and a dump within', async () => {
    const { memory } = await openBytes(bytesSource(pack(pack(flatten(kdump)))), 'twice');
    expect(memory?.vmcoreinfo?.release).toBe('6.1.0');
    expect(memory?.readFrame(0)).toEqual(repetitive(4096));
  });

  test('hands over the text of ptdump', async () => {
    const packed = readFileSync(path.join(CORES, 'x86_64-5.10-custom.ptdump.txt.gz'));
    const { memory, text } = await openBytes(bytesSource(packed), 'text');
    expect(memory).toBeUndefined();
    expect(text).toContain('---[ Low Kernel Mapping ]---');
  });

  test('refuses what is packed without end, and what is empty', async () => {
    const five = pack(pack(pack(pack(pack(kdump)))));
    await expect(openBytes(bytesSource(five), 'five')).rejects.toThrow('found more than 4');
    await expect(openBytes(bytesSource(new Uint8Array()), 'none')).rejects.toThrow('found an empty file');
    await expect(openBytes(bytesSource(pack(new Uint8Array())), 'none')).rejects.toThrow(
      'found an empty file',
    );
  });
});
