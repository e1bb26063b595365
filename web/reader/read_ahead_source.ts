/** A source that reads ahead for who reads on and on, as a search of all of memory does, or what unpacks a file. */

import type { ByteSource } from '../../src/memory/byte_source.ts';

/** In bytes: each read of a browser's costs about as much as a MiB does. */
const BLOCK_SIZE = 2 ** 22;
/** Who reads pieces of at most this many bytes reads here and there. */
const SMALL_SIZE = 2 ** 14;
/**
 * Bytes that are taken and given back with each block. What a browser holds beside the bytes that it gives is freed by the
 * collector of garbage, which does not count it, and comes when what it does count is much: without this, a search of
 * 5 GiB takes 1 GiB. The bytes are never touched, so that no memory is there for them.
 */
const WEIGHT = 2 ** 25;

export class ReadAheadSource implements ByteSource {
  readonly size: number;
  readonly #source: ByteSource;
  /** Of the last piece that was not small. */
  #start = 0;
  #end = 0;
  #block: Uint8Array = new Uint8Array();
  #blockStart = 0;

  constructor(source: ByteSource) {
    this.size = source.size;
    this.#source = source;
  }

  read(offset: number, length: number): Uint8Array {
    if (!(length > SMALL_SIZE && offset >= 0 && offset + length <= this.size)) {
      return this.#source.read(offset, length);
    }
    const readsOn = offset > this.#start && offset <= this.#end;
    this.#start = offset;
    this.#end = offset + length;
    if (this.#isInBlock()) return this.#fromBlock();
    if (!readsOn) return this.#source.read(offset, length);
    this.#readBlock();
    return this.#fromBlock();
  }

  #isInBlock(): boolean {
    return this.#start >= this.#blockStart && this.#end <= this.#blockStart + this.#block.length;
  }

  #fromBlock(): Uint8Array {
    return this.#block.subarray(this.#start - this.#blockStart, this.#end - this.#blockStart);
  }

  #readBlock(): void {
    const length = Math.max(this.#end - this.#start, BLOCK_SIZE);
    this.#block = this.#source.read(this.#start, Math.min(length, this.size - this.#start));
    this.#blockStart = this.#start;
    new ArrayBuffer(WEIGHT);
  }
}
