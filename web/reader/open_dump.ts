/** A dump of the reader's or of the server's, opened in a worker: read in pieces, unpacked if it is packed. */

import { InputError } from '../../src/errors.ts';
import type { ByteSource } from '../../src/memory/byte_source.ts';
import type { OnProgress } from '../../src/memory/find_vmcoreinfo.ts';
import type { MachineMemory } from '../../src/memory/machine_memory.ts';
import { type DumpContent, formatOf, openDump } from '../../src/memory/open_dump.ts';
import type { DumpSource } from '../workers/reader_api.ts';
import { blobSource } from './blob_source.ts';
import { browserDecompressors } from './decompressors.ts';
import { unpacked } from './unpack.ts';
import { urlSource } from './url_source.ts';

/** Nobody packs a file more often. */
const MAX_LAYERS = 4;

/** @throws InputError */
export async function openContent(
  source: DumpSource,
  onProgress: OnProgress = () => {},
): Promise<DumpContent> {
  const { name } = source;
  let bytes = bytesOf(source);
  for (let layers = 0; ; layers++) {
    const { format } = formatOf(bytes, name);
    if (format !== 'gzip' && format !== 'zstd' && format !== 'xz') break;
    if (layers === MAX_LAYERS) {
      const found = `more than ${MAX_LAYERS}`;
      throw new InputError({
        code: 'bad-format',
        what: 'layers of compression',
        where: name,
        found,
        expected: 'fewer',
      });
    }
    bytes = await unpacked(bytes, format, name, onProgress);
  }
  return openDump(bytes, name, browserDecompressors);
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
