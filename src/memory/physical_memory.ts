/**
 * Physical memory as 64-bit words in pages.
 *
 * A page is a `Uint32Array` of 32-bit halves: word `i` has its low half at `2 * i` and its high half at
 * `2 * i + 1`, whatever the byte order of the machine it came from. A page frame number (pfn) and a physical
 * address are JavaScript numbers: both fit in 53 bits on every architecture.
 */

export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 4096;

/** 64-bit words in a page of 4096 bytes. */
export const WORDS_PER_PAGE = 512;

/** A page as 32-bit halves, `2 * WORDS_PER_PAGE` of them. */
export type PageWords = Uint32Array;

/** Anything that page frames can be read from: simulated memory, a dump file, a live guest. */
export interface PageSource {
  /** The words of a frame, or undefined where the source has nothing. The caller does not write to it. */
  readPage(pfn: number): PageWords | undefined;
}
