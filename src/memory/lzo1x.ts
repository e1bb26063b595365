/**
 * The decompressor of LZO1X, as makedumpfile -l and the kernel use it. The stream is described in the kernel's
 * Documentation/staging/lzo.rst: an instruction says how far back and how long a match is, and its two lowest
 * bits how many literal bytes follow the match.
 */

/** What the instruction before left behind, which decides what instructions below 16 mean. */
const AFTER_MATCH = 0;
const AFTER_LITERALS = 4;

/** Distance of the instruction that ends the stream. */
const END_DISTANCE = 0x4000;
/** How far back a match of three bytes after a run of literals is at least. */
const FAR_DISTANCE = 0x801;

/** `size` bytes out of one whole stream; undefined where it is corrupt, or unpacks to another size. */
export function unpackLzo1x(packed: Uint8Array, size: number): Uint8Array | undefined {
  const out = new Uint8Array(size);
  let from = 0;
  let to = 0;
  let state = AFTER_MATCH;

  /** The length in an instruction, or after it where it is 0 there: 255 for each byte of zero, then the rest. */
  const longLength = (length: number, most: number): number => {
    if (length !== 0) return length;
    let total = most;
    while (packed[from] === 0) {
      total += 255;
      from++;
    }
    return total + (packed[from++] ?? Number.NaN);
  };
  const copyLiterals = (length: number): boolean => {
    if (!(length <= packed.length - from && length <= size - to)) return false;
    for (const end = from + length; from < end; ) out[to++] = packed[from++]!;
    return true;
  };
  const copyMatch = (distance: number, length: number): boolean => {
    if (!(distance <= to && length <= size - to)) return false;
    for (const end = to + length; to < end; to++) out[to] = out[to - distance]!;
    return true;
  };

  if (packed[0]! > 17) {
    const length = packed[from++]! - 17;
    if (!copyLiterals(length)) return undefined;
    state = Math.min(length, AFTER_LITERALS);
  }

  while (from < packed.length) {
    const code = packed[from++]!;
    let literals = code & 3;
    let copied: boolean;
    if (code >= 64) {
      const distance = ((code >> 2) & 7) + (packed[from++]! << 3) + 1;
      copied = copyMatch(distance, code >= 128 ? 5 + ((code >> 5) & 3) : 3 + ((code >> 5) & 1));
    } else if (code >= 16) {
      const near = code >= 32;
      const length = 2 + (near ? longLength(code & 31, 31) : longLength(code & 7, 7));
      if (from + 2 > packed.length) return undefined;
      const operand = packed[from]! | (packed[from + 1]! << 8);
      from += 2;
      literals = operand & 3;
      const distance = near ? (operand >> 2) + 1 : END_DISTANCE + ((code & 8) << 11) + (operand >> 2);
      if (distance === END_DISTANCE && !near) {
        return length === 3 && to === size && from === packed.length ? out : undefined;
      }
      copied = copyMatch(distance, length);
    } else if (state === AFTER_MATCH) {
      copied = copyLiterals(3 + longLength(code, 15));
      state = AFTER_LITERALS;
      if (!copied) return undefined;
      continue;
    } else {
      const distance = (code >> 2) + (packed[from++]! << 2);
      copied = state === AFTER_LITERALS ? copyMatch(distance + FAR_DISTANCE, 3) : copyMatch(distance + 1, 2);
    }
    if (!copied || !copyLiterals(literals)) return undefined;
    state = literals;
  }
  return undefined;
}
