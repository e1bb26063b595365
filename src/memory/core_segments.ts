/** Which bytes of a file hold which physical memory. */

/** Consecutive bytes of physical memory that are consecutive in the file too. Never empty. */
export interface CoreSegment {
  /** Physical address of the first byte. */
  readonly start: number;
  /** In bytes. */
  readonly size: number;
  /** Where the first byte is in the file. */
  readonly fileOffset: number;
}

/**
 * The same memory as disjoint segments, sorted by address. Where segments overlap, the first in the list is believed.
 *
 * Time n log n whatever they look like: their ends cut the address space into intervals, and each segment in turn
 * takes those that nobody took before it; `next` leads past the taken ones.
 */
export function disjointSegments(segments: readonly CoreSegment[]): CoreSegment[] {
  const cuts = new Float64Array(2 * segments.length);
  segments.forEach((segment, index) => {
    cuts[2 * index] = segment.start;
    cuts[2 * index + 1] = segment.start + segment.size;
  });
  cuts.sort();

  const owner = new Int32Array(cuts.length).fill(-1);
  const next = Int32Array.from(cuts, (_, index) => index);
  segments.forEach((segment, index) => {
    const end = segment.start + segment.size;
    let interval = firstFree(next, firstAtOrAbove(cuts, segment.start));
    while (cuts[interval]! < end) {
      owner[interval] = index;
      next[interval] = interval + 1;
      interval = firstFree(next, interval);
    }
  });

  const disjoint: CoreSegment[] = [];
  for (let first = 0, end = 0; first < cuts.length; first = end) {
    end = first + 1;
    while (end < cuts.length && owner[end] === owner[first]) end++;
    const segment = segments[owner[first]!];
    const start = cuts[first]!;
    const size = (cuts[end] ?? start) - start;
    if (segment === undefined || size === 0) continue;
    disjoint.push({ start, size, fileOffset: segment.fileOffset + (start - segment.start) });
  }
  return disjoint;
}

/** Index of the first of sorted disjoint segments that ends above `address`; their number where none does. */
export function firstSegmentAbove(segments: readonly CoreSegment[], address: number): number {
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

function firstAtOrAbove(sorted: Float64Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! >= value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The first interval from `interval` on that nobody took; shortens the way there by halves. */
function firstFree(next: Int32Array, interval: number): number {
  let at = interval;
  while (next[at]! !== at) {
    next[at] = next[next[at]!]!;
    at = next[at]!;
  }
  return at;
}
