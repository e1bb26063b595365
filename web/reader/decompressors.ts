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

/** The checksum behind the data, which the package does not look at, in bytes. */
const CHECKSUM_SIZE = 4;

/** One byte more than wanted shows that there was more. */
function unpackZlib(packed: Uint8Array, size: number): Uint8Array | undefined {
  try {
    const bytes = unzlibSync(packed, { out: new Uint8Array(size + 1) });
    return bytes.length === size && adler32(bytes) === checksumOf(packed) ? bytes : undefined;
  } catch {
    // Whatever it calls it: there is nothing else in the call that can fail.
    return undefined;
  }
}

function checksumOf(packed: Uint8Array): number {
  return new DataView(packed.buffer, packed.byteOffset).getUint32(packed.length - CHECKSUM_SIZE);
}

/** Sums are reduced after so many bytes: they stay far below 2^53. */
const ADLER_RUN = 2 ** 16;
const ADLER_MODULUS = 65521;

/** The checksum of RFC 1950. */
function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (let start = 0; start < bytes.length; start += ADLER_RUN) {
    for (const byte of bytes.subarray(start, start + ADLER_RUN)) {
      low += byte;
      high += low;
    }
    low %= ADLER_MODULUS;
    high %= ADLER_MODULUS;
  }
  return high * 2 ** 16 + low;
}
