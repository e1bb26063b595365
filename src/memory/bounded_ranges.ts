/** Ranges of memory out of very many runs of pages. */

import type { PhysicalRange } from './machine_memory.ts';

/** Pages `first` to `end` - 1. */
export interface PageRun {
  readonly first: number;
  readonly end: number;
}

/**
 * Runs of pages of `pageSize` bytes, in ascending order, as ranges. Where there would be more than `limit`, the
 * smallest gaps between them are taken in, so that the ranges then say where memory is about, and not of each page.
 */
export function boundedRanges(runs: Iterable<PageRun>, pageSize: number, limit: number): PhysicalRange[] {
  let kept: PageRun[] = [];
  let maxGap = 0;
  for (const run of runs) {
    append(kept, run, maxGap);
    while (kept.length > limit) {
      maxGap = 2 * maxGap + 1;
      const finer = kept;
      kept = [];
      for (const earlier of finer) append(kept, earlier, maxGap);
    }
  }
  return kept.map(({ first, end }) => ({ start: first * pageSize, size: (end - first) * pageSize }));
}

function append(runs: PageRun[], run: PageRun, maxGap: number): void {
  const last = runs.at(-1);
  if (last === undefined || run.first - last.end > maxGap) runs.push(run);
  else runs[runs.length - 1] = { first: last.first, end: run.end };
}
