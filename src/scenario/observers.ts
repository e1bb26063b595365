/** Those who look at the direct map and may be told something other than what the tables say. */

import { type Kernel, type LeafEntry, rightsOf } from '../linux/kernel.ts';
import { levelSizeName } from '../mmu/describe.ts';
import { hexAddress } from '../mmu/format.ts';
import { walk } from '../mmu/walk.ts';
import type { Disagreement } from './outcome.ts';

/** Leaves of the direct map by level, present or not: index 1 is 4K. None where it is a window, which no table makes. */
export function countLeaves(k: Kernel): number[] {
  const counts = [0, 0, 0, 0, 0, 0];
  const first = k.leafAt(k.direct_map.start);
  if (first !== undefined && first.level > k.format.levels) return counts;
  for (const run of walk(k.memory, k.format, k.root, { range: k.direct_map })) {
    if (run.kind === 'leaf' || run.kind === 'not-present') counts[run.level]! += run.count;
  }
  return counts;
}

/** Leaf counts by size, for a reader. */
export function leavesBySize(k: Kernel, counts: readonly number[]): Record<string, number> {
  const bySize: Record<string, number> = {};
  for (let level = 3; level >= 1; level--) bySize[levelSizeName(k.format, level)] = counts[level]!;
  return bySize;
}

/** Everything that the observers of this machine get wrong now. */
export function disagreements(k: Kernel): Disagreement[] {
  return [...counterDisagreements(k), ...staleTranslations(k)];
}

/** /proc/meminfo's DirectMap lines against the tables. */
function counterDisagreements(k: Kernel): Disagreement[] {
  const counters = k.direct_pages_count;
  if (counters === undefined) return [];
  const leaves = countLeaves(k);
  const levels = [1, 2, 3].filter((level) => counters.get(level) !== leaves[level]);
  if (levels.length === 0) return [];
  const list = (count: (level: number) => number) =>
    levels.map((level) => `${levelSizeName(k.format, level)} ${count(level)}`).join(', ');
  return [
    {
      observer: '/proc/meminfo DirectMap',
      says: list((level) => counters.get(level)),
      tables: list((level) => leaves[level]!),
      because: 'known drift, see docs/counters.md',
    },
  ];
}

/** Translations that a CPU may still use although the tables no longer have them. */
function staleTranslations(k: Kernel): Disagreement[] {
  const found: Disagreement[] = [];
  for (const { cpu, page, translation } of k.tlb?.held() ?? []) {
    const now = k.translate(page);
    const writable = (leaf: LeafEntry) => rightsOf(k.format, leaf).writable;
    if (now !== undefined && (writable(now) || !writable(translation))) continue;
    found.push({
      observer: `TLB of CPU ${cpu}`,
      says: `${hexAddress(page)} ${writable(translation) ? 'writable' : 'readable'}`,
      tables: now === undefined ? 'not present' : 'not writable',
      because: 'no flush has covered it since',
    });
  }
  return found;
}
