/** The bitmaps of a kdump: bit n is bit n % 8 of byte n / 8, whatever the byte order of the machine. */

import type { ElfReader } from './elf64.ts';

/** Bytes that are read, and for whose start the rank is kept. */
const CHUNK_SIZE = 16384;
const CHUNK_BITS = 8 * CHUNK_SIZE;
/** 2 MiB of bitmap, for 64 GiB of memory. */
const MAX_CHUNKS = 128;
/** Words in a chunk for whose first one the rank is kept too. */
const STEP = 64;

interface Chunk {
  /** They serve to count and to compare: their byte order is the host's. Bits after the last one are clear. */
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
  /** How many bits are set in the words before each step. */
  readonly ranks: Uint32Array;
}

/** Bits `first` to `end` - 1. */
export interface BitRun {
  readonly first: number;
  readonly end: number;
}

/**
 * A bitmap in a file, read in chunks when they are asked for. Of terabytes of memory it is hundreds of megabytes, of
 * which few stay in memory.
 */
export class KdumpBitmap {
  readonly #reader: ElfReader;
  readonly #offset: number;
  readonly #bits: number;
  /** How many bits are set before each chunk, as far as was needed yet. */
  readonly #ranks: number[] = [0];
  readonly #chunks = new Map<number, Chunk>();

  /** `bits` of them from `offset` on in the file. They are all there. */
  constructor(reader: ElfReader, offset: number, bits: number) {
    reader.checkExtent('bitmap', offset, Math.ceil(bits / 8));
    this.#reader = reader;
    this.#offset = offset;
    this.#bits = bits;
  }

  /** How many bits are set before bit `index`, if that is set; undefined where it is not. */
  rankOf(index: number): number | undefined {
    if (!(index >= 0 && index < this.#bits)) return undefined;
    const number = Math.floor(index / CHUNK_BITS);
    const within = index - number * CHUNK_BITS;
    const { words, bytes, ranks } = this.#chunk(number);
    const byte = bytes[within >>> 3]!;
    const bit = 1 << (within & 7);
    if ((byte & bit) === 0) return undefined;

    const word = within >>> 5;
    const step = Math.floor(word / STEP);
    let rank = this.#rankOfChunk(number) + ranks[step]! + countBits(words, step * STEP, word);
    for (let at = 4 * word; at < within >>> 3; at++) rank += onesIn(bytes[at]!);
    return rank + onesIn(byte & (bit - 1));
  }

  /** All bits that are set, as runs in ascending order, none next to another. */
  *runs(): Generator<BitRun> {
    let first = -1;
    for (let start = 0; start < this.#bits; start += CHUNK_BITS) {
      const { words, bytes } = this.#read(start / CHUNK_BITS);
      for (let word = 0; word < words.length; word++) {
        const uniform = first < 0 ? 0 : 0xffffffff;
        if (words[word] === uniform) continue;
        for (let bit = 32 * word; bit < 32 * word + 32; bit++) {
          const set = (bytes[bit >>> 3]! & (1 << (bit & 7))) !== 0;
          if (set === first >= 0) continue;
          if (!set) yield { first, end: start + bit };
          first = set ? start + bit : -1;
        }
      }
    }
    if (first >= 0) yield { first, end: this.#bits };
  }

  #rankOfChunk(number: number): number {
    for (let known = this.#ranks.length - 1; known < number; known++) {
      this.#ranks.push(this.#ranks[known]! + countBits(this.#read(known).words, 0, CHUNK_SIZE / 4));
    }
    return this.#ranks[number]!;
  }

  #chunk(number: number): Chunk {
    const kept = this.#chunks.get(number);
    if (kept !== undefined) return kept;
    const { words, bytes } = this.#read(number);
    const ranks = new Uint32Array(words.length / STEP);
    for (let step = 1; step < ranks.length; step++) {
      ranks[step] = ranks[step - 1]! + countBits(words, (step - 1) * STEP, step * STEP);
    }
    const chunk = { words, bytes, ranks };
    if (this.#chunks.size === MAX_CHUNKS) this.#chunks.delete(this.#chunks.keys().next().value!);
    this.#chunks.set(number, chunk);
    return chunk;
  }

  #read(number: number): Pick<Chunk, 'words' | 'bytes'> {
    const bytes = new Uint8Array(CHUNK_SIZE);
    const bits = Math.min(CHUNK_BITS, this.#bits - number * CHUNK_BITS);
    const length = Math.ceil(bits / 8);
    bytes.set(this.#reader.bytes('bitmap', this.#offset + number * CHUNK_SIZE, length));
    if (bits % 8 !== 0) bytes[length - 1]! &= (1 << (bits % 8)) - 1;
    return { words: new Uint32Array(bytes.buffer), bytes };
  }
}

/** Bits that are set in words `first` to `end` - 1. */
function countBits(words: Uint32Array, first: number, end: number): number {
  let total = 0;
  for (let index = first; index < end; index++) {
    const word = words[index]!;
    if (word !== 0) total += onesIn(word);
  }
  return total;
}

/** Bits that are set in 32: pairs, then fours, then bytes are added up side by side. */
function onesIn(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
