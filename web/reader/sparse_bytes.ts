/** Bytes that come one after another and are kept in memory, all but zeros: most of a machine's memory is zeros. */

import { InputError } from '../../src/errors.ts';
import type { ByteSource } from '../../src/memory/byte_source.ts';

export interface SparseLimits {
  /** Bytes that are kept. */
  readonly kept: number;
  /** Bytes that come, zeros included. */
  readonly total: number;
}

/** In bytes. A block is kept as a whole, or not at all. */
const BLOCK_SIZE = 16384;
const ZEROS = new Uint8Array(BLOCK_SIZE);

export class SparseBytes implements ByteSource {
  readonly #where: string;
  readonly #limits: SparseLimits;
  /** By number. Those that are not there are zeros. */
  readonly #blocks = new Map<number, Uint8Array>();
  /** The block that is not yet full. */
  #last = new Uint8Array(BLOCK_SIZE);
  #size = 0;

  /** `where` names the file that they come from, for errors. */
  constructor(where: string, limits: SparseLimits) {
    this.#where = where;
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  /** @throws InputError ('unreadable') where they are too many. */
  append(bytes: Uint8Array): void {
    const { total } = this.#limits;
    if (this.#size + bytes.length > total) throw this.#tooLarge(total, '');
    for (let taken = 0; taken < bytes.length; ) {
      const at = this.#size % BLOCK_SIZE;
      const part = bytes.subarray(taken, taken + BLOCK_SIZE - at);
      this.#last.set(part, at);
      this.#size += part.length;
      taken += part.length;
      if (this.#size % BLOCK_SIZE === 0) this.#keepLast();
    }
  }

  read(offset: number, length: number): Uint8Array {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.#size)) {
      const because = `bytes ${offset}..${offset + length} are not within its ${this.#size} bytes`;
      throw this.#unreadable(because);
    }
    const first = this.#part(offset, length);
    if (first.length === length) return first;
    const bytes = new Uint8Array(length);
    bytes.set(first);
    for (let done = first.length; done < length; ) {
      const part = this.#part(offset + done, length - done);
      bytes.set(part, done);
      done += part.length;
    }
    return bytes;
  }

  /** Up to `length` bytes: as many as lie in one block. */
  #part(offset: number, length: number): Uint8Array {
    const number = Math.floor(offset / BLOCK_SIZE);
    const isLast = number === Math.floor(this.#size / BLOCK_SIZE);
    const block = isLast ? this.#last : (this.#blocks.get(number) ?? ZEROS);
    const at = offset - number * BLOCK_SIZE;
    return block.subarray(at, at + length);
  }

  #keepLast(): void {
    // All of it is written again before it is read.
    if (isZeros(this.#last)) return;
    const { kept } = this.#limits;
    if ((this.#blocks.size + 1) * BLOCK_SIZE > kept) throw this.#tooLarge(kept, ' that are not zeros');
    this.#blocks.set(this.#size / BLOCK_SIZE - 1, this.#last);
    this.#last = new Uint8Array(BLOCK_SIZE);
  }

  #tooLarge(most: number, which: string): InputError {
    const size = most >= 2 ** 20 ? `${most / 2 ** 20} MiB` : `${most} bytes`;
    return this.#unreadable(
      `it is too large: more than ${size}${which} would come out of it. Unpack it to a file first`,
    );
  }

  #unreadable(because: string): InputError {
    return new InputError({ code: 'unreadable', what: 'the packed dump', where: this.#where, because });
  }
}

/** Of a whole block. */
function isZeros(block: Uint8Array): boolean {
  return new Uint32Array(block.buffer).every((word) => word === 0);
}
