/**
 * The decompressor of LZO1X, as makedumpfile -l and the kernel use it. The stream is described in the kernel's
 * Documentation/staging/lzo.rst: an instruction says how far back and how long a match is, and its two lowest
 * bits how many literal bytes follow the match.
 */

import { Unpacker } from './unpacker.ts';

/** What the instruction before left behind, which decides what instructions below 16 mean: 1 to 3 are its literals. */
const AFTER_MATCH = 0;
const AFTER_RUN = 4;

/** From so far back on, matches have an instruction of their own; at exactly that distance it ends the stream. */
const FAR_DISTANCE = 0x4000;
/** How far back a match of three bytes after a run of literals is at least. */
const AFTER_RUN_DISTANCE = 0x801;

/** `size` bytes out of one whole stream; undefined where it is corrupt, or unpacks to another size. */
export function unpackLzo1x(packed: Uint8Array, size: number): Uint8Array | undefined {
  const unpacker = new Unpacker(packed, size);
  let state: number | undefined = AFTER_MATCH;
  if (packed[0]! > 17) state = runOfLiterals(unpacker, unpacker.read(1) - 17);
  while (state !== undefined && unpacker.from < packed.length) {
    const code = unpacker.read(1);
    if (code >= 64) state = nearMatch(unpacker, code);
    else if (code >= 32) state = match(unpacker, 1, 2 + longNumber(unpacker, code & 31, 31));
    else if (code >= 16) {
      const length = 2 + longNumber(unpacker, code & 7, 7);
      if (isEnd(unpacker, code, length)) {
        unpacker.read(2);
        return unpacker.result;
      }
      state = match(unpacker, FAR_DISTANCE + ((code & 8) << 11), length);
    } else if (state === AFTER_MATCH) {
      state = runOfLiterals(unpacker, 3 + longNumber(unpacker, code, 15));
    } else state = shortMatch(unpacker, code, state);
  }
  return undefined;
}

// Each of these gives the state that it leaves behind, or undefined where it cannot be done.

function runOfLiterals(unpacker: Unpacker, length: number): number | undefined {
  return unpacker.copyLiterals(length) ? Math.min(length, AFTER_RUN) : undefined;
}

/** The distance above `base`, and the literals after it, are in the next two bytes. */
function match(unpacker: Unpacker, base: number, length: number): number | undefined {
  const operand = unpacker.read(2);
  return copy(unpacker, base + (operand >> 2), length, operand & 3);
}

function nearMatch(unpacker: Unpacker, code: number): number | undefined {
  const length = code >= 128 ? 5 + ((code >> 5) & 3) : 3 + ((code >> 5) & 1);
  return copy(unpacker, ((code >> 2) & 7) + (unpacker.read(1) << 3) + 1, length, code & 3);
}

function shortMatch(unpacker: Unpacker, code: number, state: number): number | undefined {
  const distance = (code >> 2) + (unpacker.read(1) << 2);
  return state === AFTER_RUN
    ? copy(unpacker, distance + AFTER_RUN_DISTANCE, 3, code & 3)
    : copy(unpacker, distance + 1, 2, code & 3);
}

function copy(unpacker: Unpacker, distance: number, length: number, literals: number): number | undefined {
  return unpacker.copyMatch(distance, length) && unpacker.copyLiterals(literals) ? literals : undefined;
}

/** 17, 0, 0: a far match of 3 bytes, no distance above the base, and all else read. */
function isEnd({ packed, from }: Unpacker, code: number, length: number): boolean {
  return (
    code === 17 && length === 3 && from + 2 === packed.length && packed[from] === 0 && packed[from + 1] === 0
  );
}

/** A number in an instruction; where it is 0 there, it follows: 255 for each byte of zero, and the rest. */
function longNumber(unpacker: Unpacker, number: number, most: number): number {
  if (number !== 0) return number;
  let total = most;
  while (unpacker.packed[unpacker.from] === 0) {
    total += 255;
    unpacker.from++;
  }
  return total + unpacker.read(1);
}
