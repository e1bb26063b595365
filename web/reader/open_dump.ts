/** A dump of the reader's or of the server's, opened in a worker. */

import { InputError } from '../../src/errors.ts';
import type { ByteSource } from '../../src/memory/byte_source.ts';
import type { OnProgress } from '../../src/memory/find_vmcoreinfo.ts';
import type { MachineMemory } from '../../src/memory/machine_memory.ts';
import type { DumpContent } from '../../src/memory/open_dump.ts';
import type { DumpSource } from '../workers/reader_api.ts';
import { blobSource } from './blob_source.ts';
import { openBytes } from './open_bytes.ts';
import { urlSource } from './url_source.ts';

/** @throws InputError */
export async function openContent(source: DumpSource, onProgress?: OnProgress): Promise<DumpContent> {
  return openBytes(bytesOf(source), source.name, onProgress);
}

/** For a run, which needs tables. @throws InputError */
export async function openDumpMemory(source: DumpSource): Promise<MachineMemory> {
  const { memory } = await openContent(source);
  if (memory !== undefined) return memory;
  throw new InputError({
    code: 'bad-format',
    what: 'dump',
    where: source.name,
    found: 'the text of ptdump',
    expected: 'page tables themselves: an ELF core or a kdump file',
  });
}

function bytesOf({ blob, url, name }: DumpSource): ByteSource {
  if (blob !== null) return blobSource(blob, name);
  // Relative to the page, not to the worker's file.
  return urlSource(new URL(`../${url}`, self.location.href).href, name);
}
