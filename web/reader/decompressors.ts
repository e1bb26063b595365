/** The decompressors of dumps, for a browser: a package's for zlib, our own for all others. */

import { unzlibSync } from 'fflate';
import type { Decompressors } from '../../src/memory/decompressors.ts';
import { unpackLzo1x } from '../../src/memory/lzo1x.ts';
import { unpackSnappy } from '../../src/memory/snappy.ts';
import { unpackZstd } from '../../src/memory/zstd/stream.ts';

export const browserDecompressors: Decompressors = {
  zlib: unpackZlib,
  lzo: unpackLzo1x,
  snappy: unpackSnappy,
  zstd: unpackZstd,
};

/** One byte more than wanted shows that there was more. */
function unpackZlib(packed: Uint8Array, size: number): Uint8Array | undefined {
  try {
    const bytes = unzlibSync(packed, { out: new Uint8Array(size + 1) });
    return bytes.length === size ? bytes : undefined;
  } catch {
    // Whatever it calls it: there is nothing else in the call that can fail.
    return undefined;
  }
}
