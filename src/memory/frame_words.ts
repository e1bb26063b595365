/** Frames of bytes as pages of 64-bit words. */

import type { FrameSource } from './machine_memory.ts';
import { PAGE_SIZE, type PageSource, type PageWords, WORDS_PER_PAGE } from './physical_memory.ts';

/** Frames kept after they were read, one of each remainder: 1 MiB, for who comes again to where he was. */
const CACHED_FRAMES = 256;

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** The words of a source of bytes, in a byte order that need not be the host's. */
export class FrameWords implements PageSource {
  readonly #frames: FrameSource;
  readonly #littleEndian: boolean;
  /** By `pfn % CACHED_FRAMES`: which frame is kept there, and its words. */
  readonly #keptFrames = new Float64Array(CACHED_FRAMES).fill(-1);
  readonly #kept: PageWords[] = [];

  constructor(frames: FrameSource, littleEndian: boolean) {
    this.#frames = frames;
    this.#littleEndian = littleEndian;
  }

  readPage(pfn: number): PageWords | undefined {
    const slot = pfn % CACHED_FRAMES;
    if (this.#keptFrames[slot] === pfn) return this.#kept[slot];
    const bytes = this.#frames.readFrame(pfn);
    if (bytes === undefined) return undefined;
    const words = wordsOf(bytes, this.#littleEndian);
    this.#keptFrames[slot] = pfn;
    this.#kept[slot] = words;
    return words;
  }
}

/** The 512 words of 4096 bytes: the bytes themselves, seen as words, where the host has them so. */
export function wordsOf(bytes: Uint8Array, littleEndian: boolean): PageWords {
  if (littleEndian && HOST_IS_LITTLE_ENDIAN && bytes.byteOffset % 4 === 0) {
    return new Uint32Array(bytes.buffer, bytes.byteOffset, 2 * WORDS_PER_PAGE);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, PAGE_SIZE);
  const words = new Uint32Array(2 * WORDS_PER_PAGE);
  const lowHalf = littleEndian ? 0 : 4;
  for (let at = 0; at < PAGE_SIZE; at += 8) {
    words[at >>> 2] = view.getUint32(at + lowHalf, littleEndian);
    words[(at >>> 2) + 1] = view.getUint32(at + (lowHalf ^ 4), littleEndian);
  }
  return words;
}
