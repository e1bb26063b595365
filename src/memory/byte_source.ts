/** Bytes at random positions: a buffer, a file, anything of known size. */

import { InputError } from '../errors.ts';

export interface ByteSource {
  /** In bytes. Does not change while the source is in use. */
  readonly size: number;
  /**
   * Exactly `length` bytes from `offset`, to be read only. They may be put `into` an array of at least as many bytes, for
   * who reads much and keeps none of it.
   * @throws InputError where they lie outside the source or cannot be read.
   */
  read(offset: number, length: number, into?: Uint8Array): Uint8Array;
}

/** A buffer as a source, without a copy: `read` returns views of it. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > bytes.length) {
        throw new InputError({
          code: 'out-of-range',
          what: 'read of bytes',
          where: '',
          found: `${offset}..${offset + length}`,
          expected: `within 0..${bytes.length}`,
        });
      }
      return bytes.subarray(offset, offset + length);
    },
  };
}
