/** Those who look at the direct map and may be told something other than what the tables say. */

import type { X86Kernel } from '../linux/arch/x86/x86_kernel.ts';
import { levelSizeName } from '../mmu/describe.ts';
import { hexAddress } from '../mmu/format.ts';
import { walk } from '../mmu/walk.ts';
import type { Disagreement } from './outcome.ts';

/** Leaves of the direct map by level, present or not: index 1 is 4K. */
export function countLeaves(k: X86Kernel): number[] {
  const counts = [0, 0, 0, 0, 0, 0];
  const range = { start: k.page_offset, end: k.page_offset + k.max_pfn_mapped * 4096 };
  for (const run of walk(k.memory, k.format, k.root, { range })) {
    if (run.kind === 'leaf' || run.kind === 'not-present') counts[run.level]! += run.count;
  }
  return counts;
}

/** Leaf counts by size, for a reader. */
export function leavesBySize(k: X86Kernel, counts: readonly number[]): Record<string, number> {
  const bySize: Record<string, number> = {};
  for (let level = 3; level >= 1; level--) bySize[levelSizeName(k.format, level)] = counts[level]!;
  return bySize;
}

/** Everything that the observers of this machine get wrong now. */
export function disagreements(k: X86Kernel): Disagreement[] {
  return [...counterDisagreements(k), ...staleTranslations(k)];
}

/** /proc/meminfo's DirectMap lines against the tables. */
function counterDisagreements(k: X86Kernel): Disagreement[] {
  const leaves = countLeaves(k);
  const levels = [1, 2, 3].filter((level) => k.direct_pages_count.get(level) !== leaves[level]);
  if (levels.length === 0) return [];
  const list = (count: (level: number) => number) =>
    levels.map((level) => `${levelSizeName(k.format, level)} ${count(level)}`).join(', ');
  return [
    {
      observer: '/proc/meminfo DirectMap',
      says: list((level) => k.direct_pages_count.get(level)),
      tables: list((level) => leaves[level]!),
      because: 'known drift, see docs/counters.md',
    },
  ];
}

/** Translations that a CPU may still use although the tables no longer have them. */
function staleTranslations(k: X86Kernel): Disagreement[] {
  const found: Disagreement[] = [];
  for (const { cpu, page, translation } of k.tlb?.held() ?? []) {
    const now = k.translate(page);
    const flags = (entry: { level: number; low: number; high: number }) =>
      k.format.flags(entry.level, entry.low, entry.high) & 0x3;
    if (now !== undefined && (flags(now) & flags(translation)) === flags(translation)) continue;
    found.push({
      observer: `TLB of CPU ${cpu}`,
      says: `${hexAddress(page)} ${k.format.writable(translation.level, flags(translation)) ? 'writable' : 'readable'}`,
      tables: now === undefined ? 'not present' : 'not writable',
      because: 'no flush has covered it since',
    });
  }
  return found;
}
