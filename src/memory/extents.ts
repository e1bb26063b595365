/** Which parts of a file hold which bytes of what was written into it, in any order and over one another. */

/** Columns of one table, as typed arrays, since there may be millions of rows. */
export interface Extents {
  /** Where each begins. Ascending; none reaches into the next. */
  readonly start: Float64Array;
  readonly size: Float64Array;
  /** Where its first byte is in the file. */
  readonly fileOffset: Float64Array;
}

/**
 * The same bytes as disjoint extents; where they overlap, the last in the list is believed.
 *
 * Time n log n whatever they look like: their ends cut the whole into intervals, and each in turn, the last first,
 * takes those that nobody took before it; `next` leads past the taken ones.
 */
export function disjointExtents(written: Extents): Extents {
  const { start, size, fileOffset } = written;
  const cuts = new Float64Array(2 * start.length);
  for (let index = 0; index < start.length; index++) {
    cuts[2 * index] = start[index]!;
    cuts[2 * index + 1] = start[index]! + size[index]!;
  }
  cuts.sort();

  const owner = new Int32Array(cuts.length).fill(-1);
  const next = Int32Array.from({ length: cuts.length + 1 }, (_, index) => index);
  for (let index = start.length - 1; index >= 0; index--) {
    const end = start[index]! + size[index]!;
    let interval = firstFree(next, firstAtOrAbove(cuts, start[index]!));
    while (cuts[interval]! < end) {
      owner[interval] = index;
      next[interval] = interval + 1;
      interval = firstFree(next, interval);
    }
  }

  let count = 0;
  const disjoint = {
    start: new Float64Array(cuts.length),
    size: new Float64Array(cuts.length),
    fileOffset: new Float64Array(cuts.length),
  };
  for (let first = 0, end = 0; first < cuts.length; first = end) {
    end = first + 1;
    while (end < cuts.length && owner[end] === owner[first]) end++;
    const index = owner[first]!;
    const length = (cuts[end] ?? cuts[first]!) - cuts[first]!;
    if (index < 0 || length === 0) continue;
    disjoint.start[count] = cuts[first]!;
    disjoint.size[count] = length;
    disjoint.fileOffset[count] = fileOffset[index]! + (cuts[first]! - start[index]!);
    count++;
  }
  return {
    start: disjoint.start.subarray(0, count),
    size: disjoint.size.subarray(0, count),
    fileOffset: disjoint.fileOffset.subarray(0, count),
  };
}

/** Index of the first extent that ends above `position`; their number where none does. */
export function firstExtentAbove({ start, size }: Extents, position: number): number {
  let low = 0;
  let high = start.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (start[middle]! + size[middle]! > position) high = middle;
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
