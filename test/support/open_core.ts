/** A core of test/data, read at once: `openMemory` is not waited for where a test needs no more. */

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { bytesSource } from '../../src/memory/byte_source.ts';
import { ElfCore } from '../../src/memory/elf_core.ts';

export function openCore(path: string | URL): ElfCore {
  return new ElfCore(bytesSource(gunzipSync(readFileSync(path))), String(path));
}
