/** Streams of bits, lowest bit of each byte first (RFC 8878, sections 3.1.1.3.1.6 and 4.1). */

import { check } from './corrupt.ts';

/** Bits from the first on. */
export class ForwardBits {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** At most 16 bits. What is behind the end reads as zeros, as long as nobody asks where the stream ended. */
  peek(count: number): number {
    return bitsAt(this.#bytes, this.#at, count);
  }

  skip(count: number): void {
    this.#at += count;
  }

  read(count: number): number {
    const value = this.peek(count);
    this.skip(count);
    return value;
  }

  /** Bytes that were begun. */
  bytesRead(): number {
    const bytes = Math.ceil(this.#at / 8);
    check(bytes <= this.#bytes.length, 'a table that goes on behind its end');
    return bytes;
  }
}

/** Bits from the last on: the highest bit of the last byte that is set only says where they end. */
export class BackwardBits {
  readonly #bytes: Uint8Array;
  /** How many are left to read; below zero where more were read than there are, of which all are zeros. */
  left: number;

  constructor(bytes: Uint8Array) {
    const last = bytes.at(-1) ?? 0;
    check(last !== 0, 'a stream of bits without an end');
    this.#bytes = bytes;
    this.left = 8 * bytes.length - (Math.clz32(last) - 24) - 1;
  }

  /** At most 16 bits. */
  peek(count: number): number {
    const from = this.left - count;
    if (from >= 0) return bitsAt(this.#bytes, from, count);
    return this.left <= 0 ? 0 : bitsAt(this.#bytes, 0, this.left) << -from;
  }

  /** At most 32 bits, as a number that is not negative. */
  read(count: number): number {
    if (count > 16) {
      const high = this.read(count - 16);
      return high * 65536 + this.read(16);
    }
    const value = this.peek(count);
    this.left -= count;
    return value;
  }
}

/** At most 24 bits. */
function bitsAt(bytes: Uint8Array, at: number, count: number): number {
  const byte = at >>> 3;
  const word = bytes[byte]! | (bytes[byte + 1]! << 8) | (bytes[byte + 2]! << 16) | (bytes[byte + 3]! << 24);
  return (word >>> (at & 7)) & ((1 << count) - 1);
}
