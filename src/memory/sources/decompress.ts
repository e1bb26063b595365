/** The decompressors of dumps, as Node has them. */

import { inflateSync } from 'node:zlib';
import { uncompress } from 'snappyjs';
import type { Decompressor, Decompressors } from '../decompressors.ts';
import { unpackLzo1x } from '../lzo1x.ts';
import { unpackZstd } from '../zstd/stream.ts';

export const nodeDecompressors: Decompressors = {
  zlib: orUndefined(unpackZlib),
  lzo: unpackLzo1x,
  snappy: orUndefined((packed, size) => uncompress(packed, size)),
  zstd: unpackZstd,
};

/** Packages throw what they like at corrupt data. */
function orUndefined(unpack: Decompressor): Decompressor {
  return (packed, size) => {
    try {
      const bytes = unpack(packed, size);
      return bytes?.length === size ? bytes : undefined;
    } catch {
      return undefined;
    }
  };
}

function unpackZlib(packed: Uint8Array, size: number): Uint8Array {
  const { buffer, byteOffset, length } = inflateSync(packed, { maxOutputLength: size, chunkSize: size });
  return new Uint8Array(buffer, byteOffset, length);
}
