/** The direct map of an address space as plain data: its stretches, and what their leaves say. */

import { sizeName } from '../../mmu/describe.ts';
import { hexAddress } from '../../mmu/format.ts';
import type { AddressSpace, DirectMap, LeafAttributes, Stretch } from '../address_space.ts';
import type { Origin } from '../explain/origins.ts';
import {
  type AttributesSnapshot,
  type MapSnapshot,
  NO_LEAF,
  type ReportSnapshot,
} from './report_snapshot.ts';

/** Stretches of the direct map: about 8 bytes each. */
const MAX_STRETCHES = 500_000;

/** The direct map alone, of a space that is not inspected. */
export function snapshotDirectMap(
  space: AddressSpace,
  maxStretches = MAX_STRETCHES,
): Pick<ReportSnapshot, 'attributes' | 'map' | 'pageBytes' | 'usualMemoryType'> {
  const { directMap, pageBytes, usualMemoryType } = space;
  const attributes = new AttributesList(new Map());
  const map = directMap === undefined ? null : snapshotMap(space, directMap, attributes, maxStretches);
  return { attributes: attributes.list, map, pageBytes, usualMemoryType };
}

/** Numbers the attributes in the order in which they are met. */
export class AttributesList {
  readonly list: AttributesSnapshot[] = [];
  readonly #numbers = new Map<LeafAttributes, number>();
  readonly #origins: ReadonlyMap<LeafAttributes, readonly Origin[]>;

  constructor(origins: ReadonlyMap<LeafAttributes, readonly Origin[]>) {
    this.#origins = origins;
  }

  numberOf(leaf: LeafAttributes): number {
    let number = this.#numbers.get(leaf);
    if (number === undefined) {
      const { mergeKey: _mergeKey, bits, ...said } = leaf;
      const leftBy = [...new Set(this.#origins.get(leaf)?.map(({ who }) => who))];
      const inHex = bits === undefined ? null : hex(bits);
      number = this.list.push({ ...said, size: sizeName(leaf.bytes), bits: inHex, leftBy }) - 1;
      this.#numbers.set(leaf, number);
    }
    return number;
  }
}

export function snapshotMap(
  space: AddressSpace,
  { start, end, offset }: DirectMap,
  attributes: AttributesList,
  maxStretches: number,
): MapSnapshot | null {
  const { pageBytes } = space;
  const allPages = (end - start) / pageBytes;
  const firstFrame = offset === undefined ? null : (start - offset) / pageBytes;
  const kinds: number[] = [];
  const lengths: number[] = [];
  const oddFrames: [number, number][] = [];
  let pages = 0;
  let omittedPages = 0;
  const add = (kind: number, length: number, frame?: number) => {
    if (frame !== undefined && frame !== (firstFrame ?? Number.NaN) + pages)
      oddFrames.push([kinds.length, frame]);
    kinds.push(kind);
    lengths.push(length);
    pages += length;
  };
  for (const stretch of space.stretches({ start, end })) {
    if (kinds.length >= maxStretches) {
      omittedPages = allPages - pages;
      break;
    }
    const gap = (stretch.address - start) / pageBytes - pages;
    if (gap > 0) add(NO_LEAF.hole, gap);
    const length = Math.min(stretch.pages, allPages - pages);
    if (length > 0) add(kindOf(stretch, attributes), length, stretch.frame);
  }
  // What may be mapped later is not to dwarf what is.
  if (kinds.at(-1) === NO_LEAF.hole && omittedPages === 0) {
    kinds.pop();
    pages -= lengths.pop()!;
  }
  if (pages === 0) return null;
  return {
    start: hexAddress(start),
    pages,
    omittedPages,
    firstFrame,
    kinds,
    lengths,
    oddFrames,
    blockBytes: blockBytes(space, pages * pageBytes),
  };
}

function kindOf({ kind, leaf }: Stretch, attributes: AttributesList): number {
  if (leaf !== undefined) return attributes.numberOf(leaf);
  return kind === 'leaf' || kind === 'not-present' ? NO_LEAF.bad : NO_LEAF[kind];
}

function blockBytes({ format }: AddressSpace, most: number): number[] {
  if (format === undefined) return [2 ** 21, 2 ** 30].filter((bytes) => bytes <= most);
  const sizes = Array.from({ length: format.levels - 1 }, (_, index) => 2 ** format.levelShift(index + 2));
  return sizes.filter((bytes) => bytes <= most);
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
