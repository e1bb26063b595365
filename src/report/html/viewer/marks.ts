/** Parts of the map that something is said of, in pages. */

/** Part of the map that is to be seen at once. */
export interface Mark {
  readonly start: number;
  readonly end: number;
}

export interface Owner extends Mark {
  readonly text: string;
}

/** What lies over the map. Owners are disjoint, and in ascending order. */
export interface Overlay {
  /** What has just changed: it flashes once, and stays outlined. */
  readonly changed: readonly Mark[];
  /** What the TLB of some CPU has, and the tables have no longer. */
  readonly stale: readonly Mark[];
  /** Whose pages are. */
  readonly owners: readonly Owner[];
}

/** In ascending order, and those that touch as one. */
export function merged(marks: readonly Mark[]): Mark[] {
  const all: { start: number; end: number }[] = [];
  for (const { start, end } of [...marks].sort((a, b) => a.start - b.start)) {
    const last = all.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else all.push({ start, end });
  }
  return all;
}

export function areSame(some: readonly Mark[], others: readonly Mark[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ start, end }, number) => start === others[number]!.start && end === others[number]!.end)
  );
}

/** The number of the first that ends behind a place. They are disjoint, and in ascending order. */
export function firstBehind(marks: readonly Mark[], place: number): number {
  let low = 0;
  let high = marks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (marks[middle]!.end <= place) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The one that a place is in. They are disjoint, and in ascending order. */
export function markAt<Kind extends Mark>(marks: readonly Kind[], place: number): Kind | undefined {
  const mark = marks[firstBehind(marks, place)];
  return mark !== undefined && mark.start <= place ? mark : undefined;
}
