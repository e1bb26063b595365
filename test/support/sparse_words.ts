import { type PageSource, WORDS_PER_PAGE } from '../../src/memory/physical_memory.ts';

/** Physical memory with the given words by address, and `empty` in all others. */
export function sparseWords(words: ReadonlyMap<number, bigint>, empty: bigint): PageSource {
  return {
    readPage(pfn) {
      const page = new BigUint64Array(WORDS_PER_PAGE).fill(empty);
      for (const [address, word] of words) {
        if (Math.floor(address / 4096) === pfn) page[(address % 4096) / 8] = word;
      }
      const halves = new Uint32Array(2 * WORDS_PER_PAGE);
      for (const [index, word] of page.entries()) halves.set(halvesOf(word), 2 * index);
      return halves;
    },
  };
}

/** The halves of a 64-bit entry. */
export function halvesOf(entry: bigint): [low: number, high: number] {
  return [Number(entry & 0xffff_ffffn), Number(entry >> 32n)];
}
