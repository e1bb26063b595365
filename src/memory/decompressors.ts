/**
 * What unpacks the pages of compressed dumps. The packages that do it, and Node's zlib, belong to those who open files:
 * src/memory/sources/decompress.ts has Node's, and a browser brings its own.
 */

/** Exactly `size` bytes out of all of `packed`; undefined where that is not what is in it. Throws nothing. */
export type Decompressor = (packed: Uint8Array, size: number) => Uint8Array | undefined;

/** The methods that makedumpfile knows. */
export interface Decompressors {
  readonly zlib: Decompressor;
  readonly lzo: Decompressor;
  readonly snappy: Decompressor;
  readonly zstd: Decompressor;
}

export type Compression = keyof Decompressors;
