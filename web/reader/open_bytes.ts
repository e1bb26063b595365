/** Opens a dump wherever its bytes come from, and unpacks it before if it is packed. */

import { InputError } from '../../src/errors.ts';
import type { ByteSource } from '../../src/memory/byte_source.ts';
import type { OnProgress } from '../../src/memory/find_vmcoreinfo.ts';
import { type DumpContent, formatOf, openDump } from '../../src/memory/open_dump.ts';
import { browserDecompressors } from './decompressors.ts';
import { unpacked } from './unpack.ts';

/** Nobody packs a file more often. */
const MAX_LAYERS = 4;

/** `name` is the dump's, for errors. @throws InputError */
export async function openBytes(
  source: ByteSource,
  name: string,
  onProgress: OnProgress = () => {},
): Promise<DumpContent> {
  let bytes = source;
  for (let layers = 0; ; layers++) {
    const { format } = formatOf(bytes, name);
    if (format !== 'gzip' && format !== 'zstd' && format !== 'xz') break;
    if (layers === MAX_LAYERS) throw tooManyLayers(name);
    bytes = await unpacked(bytes, format, name, onProgress);
  }
  return openDump(bytes, name, browserDecompressors);
}

function tooManyLayers(name: string): InputError {
  return new InputError({
    code: 'bad-format',
    what: 'layers of compression',
    where: name,
    found: `more than ${MAX_LAYERS}`,
    expected: 'fewer',
  });
}
