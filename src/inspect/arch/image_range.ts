/** How far a kernel image reaches whose place is known, and whose end is not. */

import type { PageSource } from '../../memory/physical_memory.ts';
import type { EntryFormat, VirtualAddress } from '../../mmu/format.ts';
import { type AddressRange, walk } from '../../mmu/walk.ts';

/** No image is longer, or begins so far before its text. */
const LONGEST = 2 ** 28;
const BEFORE_TEXT = 2 ** 21;

/** From the first to the last that is mapped around `text` at the image's `offset`; freed parts of it are holes. */
export function imageRange(
  tables: PageSource,
  format: EntryFormat,
  root: number,
  text: VirtualAddress,
  offset: number,
): AddressRange | undefined {
  const pageBytes = 2 ** format.pageShift;
  const range = {
    start: text - BEFORE_TEXT,
    end: Math.min(text + LONGEST, text < 0 ? 0 : Number.POSITIVE_INFINITY),
  };
  let image: AddressRange | undefined;
  for (const { kind, address, frame, pages } of walk(tables, format, root, { range, sharedOnce: true })) {
    if (kind !== 'leaf' && kind !== 'not-present') continue;
    if (address - frame * pageBytes !== offset) continue;
    image ??= { start: address, end: address };
    image.end = address + pages * pageBytes;
  }
  return image;
}
