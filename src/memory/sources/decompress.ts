/** The decompressors of dumps: Node's for zlib, our own for all others. */

import { inflateSync } from 'node:zlib';
import type { Decompressors } from '../decompressors.ts';
import { unpackLzo1x } from '../lzo1x.ts';
import { unpackSnappy } from '../snappy.ts';
import { unpackZstd } from '../zstd/stream.ts';

export const nodeDecompressors: Decompressors = {
  zlib: unpackZlib,
  lzo: unpackLzo1x,
  snappy: unpackSnappy,
  zstd: unpackZstd,
};

function unpackZlib(packed: Uint8Array, size: number): Uint8Array | undefined {
  try {
    const { buffer, byteOffset, length } = inflateSync(packed, { maxOutputLength: size, chunkSize: size });
    return length === size ? new Uint8Array(buffer, byteOffset, length) : undefined;
  } catch {
    // Whatever zlib calls it: there is nothing else in the call that can fail.
    return undefined;
  }
}
