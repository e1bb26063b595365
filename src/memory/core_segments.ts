/** Which bytes of a file hold which physical memory. */

import type { ByteSource } from './byte_source.ts';
import { disjointExtents } from './extents.ts';
import type { PhysicalRange } from './machine_memory.ts';
import { PAGE_SIZE } from './physical_memory.ts';

/** Consecutive bytes of physical memory that are consecutive in the file too. Never empty. */
export interface CoreSegment {
  /** Physical address of the first byte. */
  readonly start: number;
  /** In bytes. */
  readonly size: number;
  /** Where the first byte is in the file. */
  readonly fileOffset: number;
}

/** The same memory as disjoint segments, sorted by address. Where segments overlap, the first in the list is believed. */
export function disjointSegments(segments: readonly CoreSegment[]): CoreSegment[] {
  const leastBelievedFirst = segments.toReversed();
  const { start, size, fileOffset } = disjointExtents({
    start: Float64Array.from(leastBelievedFirst, (segment) => segment.start),
    size: Float64Array.from(leastBelievedFirst, (segment) => segment.size),
    fileOffset: Float64Array.from(leastBelievedFirst, (segment) => segment.fileOffset),
  });
  return Array.from(start, (address, index) => ({
    start: address,
    size: size[index]!,
    fileOffset: fileOffset[index]!,
  }));
}

/** The memory in the segments of a file, in pieces of any size. */
export class SegmentedMemory {
  /** Disjoint, sorted by address. */
  readonly segments: readonly CoreSegment[];
  readonly #source: ByteSource;

  /** All of the segments are within the source. Where they overlap, the first is believed. */
  constructor(source: ByteSource, segments: readonly CoreSegment[]) {
    this.#source = source;
    this.segments = disjointSegments(segments);
  }

  /** The 4096 bytes of a frame; undefined where no segment has one of them. */
  readFrame(pfn: number): Uint8Array | undefined {
    return this.readRange(pfn * PAGE_SIZE, PAGE_SIZE);
  }

  /**
   * Physical memory from `start` on; undefined where no segment has a byte of it. What is missing of it reads as
   * zeros.
   * @param into may be used for it, as of `ByteSource.read`.
   * @throws InputError where the source cannot be read any more.
   */
  readRange(start: number, length: number, into?: Uint8Array): Uint8Array | undefined {
    const end = start + length;
    let range: Uint8Array | undefined;
    for (let index = firstSegmentAbove(this.segments, start); index < this.segments.length; index++) {
      const segment = this.segments[index]!;
      if (!(segment.start < end)) break;
      const from = Math.max(start, segment.start);
      const count = Math.min(end, segment.start + segment.size) - from;
      const bytes = this.#source.read(
        segment.fileOffset + (from - segment.start),
        count,
        count === length ? into : undefined,
      );
      if (count === length) return bytes;
      range ??= new Uint8Array(length);
      range.set(bytes, from - start);
    }
    return range;
  }
}

/** Index of the first of sorted disjoint ranges that ends above `address`; their number where none does. */
export function firstSegmentAbove(segments: readonly PhysicalRange[], address: number): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const segment = segments[middle]!;
    if (segment.start + segment.size > address) high = middle;
    else low = middle + 1;
  }
  return low;
}
