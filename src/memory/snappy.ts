/**
 * The decompressor of Snappy, as makedumpfile -p uses it (format_description.txt of Snappy): the size of what comes out,
 * seven bits to a byte, then literals and matches. The two lowest bits of the first byte say which.
 */

import { Unpacker } from './unpacker.ts';

/** `size` bytes out of all of `packed`; undefined where it is corrupt, or unpacks to another size. */
export function unpackSnappy(packed: Uint8Array, size: number): Uint8Array | undefined {
  const unpacker = new Unpacker(packed, size);
  if (readSize(unpacker) !== size) return undefined;
  while (unpacker.from < packed.length) {
    if (!unpackElement(unpacker)) return undefined;
  }
  return unpacker.result;
}

function unpackElement(unpacker: Unpacker): boolean {
  const tag = unpacker.read(1);
  const length = (tag >> 2) + 1;
  switch (tag & 3) {
    case 0:
      return unpacker.copyLiterals(length <= 60 ? length : unpacker.read(length - 60) + 1);
    case 1:
      return unpacker.copyMatch(((tag >> 5) << 8) + unpacker.read(1), 4 + ((tag >> 2) & 7));
    default:
      return unpacker.copyMatch(unpacker.read((tag & 3) === 2 ? 2 : 4), length);
  }
}

/** A number of at most 32 bits; NaN where it goes on. */
function readSize(unpacker: Unpacker): number {
  let size = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = unpacker.read(1);
    size += (byte & 127) * 2 ** shift;
    if (byte < 128) return size;
  }
  return Number.NaN;
}
