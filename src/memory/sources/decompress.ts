/** The decompressors of dumps, as Node has them. */

import { inflateSync } from 'node:zlib';
import { Decompress } from 'fzstd';
import { uncompress } from 'snappyjs';
import type { Decompressor, Decompressors } from '../decompressors.ts';
import { unpackLzo1x } from '../lzo1x.ts';

export const nodeDecompressors: Decompressors = {
  zlib: orUndefined(unpackZlib),
  lzo: unpackLzo1x,
  snappy: orUndefined((packed, size) => uncompress(packed, size)),
  zstd: orUndefined(unpackZstd),
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

/** By way of the stream, which says how much it unpacks; the package's plain function does not. */
function unpackZstd(packed: Uint8Array, size: number): Uint8Array | undefined {
  const out = new Uint8Array(size);
  let done = 0;
  const stream = new Decompress((bytes) => {
    out.set(bytes, done);
    done += bytes.length;
  });
  stream.push(packed, true);
  return done === size ? out : undefined;
}
