/** What there is at a place of the map, in one line. */

import type { DirectMap, Found } from './direct_map.ts';
import { markAt, type Overlay } from './marks.ts';
import { labelOf } from './states.ts';
import { aboutSize, hexOf } from './words.ts';

/** "0xffff888000103000  pfn 0x103  4K present rw nx  P RW A D G NX  secretmem". Nothing for what is no place of it. */
export function placeWords(map: DirectMap, place: number, { stale, owners }: Overlay): string {
  const found = map.at(place);
  if (found === undefined) return '';
  const words = [hexOf(map.addressOf(place)), ...foundWords(found, map.pageBytes)];
  const owner = markAt(owners, place);
  if (owner !== undefined) words.push(owner.text);
  if (markAt(stale, place) !== undefined) words.push('stale in a TLB');
  return words.join('  ');
}

function foundWords({ start, end, state, leaf, frame }: Found, pageBytes: number): string[] {
  const size = aboutSize((end - start) * pageBytes);
  if (leaf === undefined) return [`${labelOf(state, [])}, ${size}`];
  const words = [`${leaf.size} ${leaf.present ? `present ${leaf.access}` : 'not present'}`];
  if (frame !== undefined) words.unshift(`pfn ${hexOf(frame)}`);
  if (leaf.names !== '') words.push(leaf.names);
  const number = Math.ceil((end - start) / (leaf.bytes / pageBytes));
  if (number > 1) words.push(`${number} alike, ${size}`);
  return words;
}
