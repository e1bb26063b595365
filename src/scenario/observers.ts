/** Those who look at the direct map and may be told something other than what the tables say. */

import { NotModelledError } from '../errors.ts';
import { type Kernel, type LeafEntry, rightsOf } from '../linux/kernel.ts';
import { runTask } from '../linux/task.ts';
import { describeProtection, levelSizeName } from '../mmu/describe.ts';
import { hexAddress, type VirtualAddress } from '../mmu/format.ts';
import { walk } from '../mmu/walk.ts';
import type { Disagreement } from './outcome.ts';
import { callsOf } from './script_calls.ts';

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
  return [...counterDisagreements(k), ...staleDisagreements(k)];
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

/** A translation that a CPU may still use although the tables no longer have it. */
export interface StaleTranslation {
  readonly cpu: number;
  /** The page that it is for. */
  readonly page: VirtualAddress;
  readonly says: 'writable' | 'readable';
  readonly tables: 'not present' | 'not writable';
}

/** Those of all CPUs. */
export function staleTranslations(k: Kernel): StaleTranslation[] {
  const found: StaleTranslation[] = [];
  for (const { cpu, page, translation } of k.tlb?.held() ?? []) {
    const now = k.translate(page);
    const writable = (leaf: LeafEntry) => rightsOf(k.format, leaf).writable;
    if (now !== undefined && (writable(now) || !writable(translation))) continue;
    const says = writable(translation) ? 'writable' : 'readable';
    found.push({ cpu, page, says, tables: now === undefined ? 'not present' : 'not writable' });
  }
  return found;
}

function staleDisagreements(k: Kernel): Disagreement[] {
  return staleTranslations(k).map(({ cpu, page, says, tables }) => ({
    observer: `TLB of CPU ${cpu}`,
    says: `${hexAddress(page)} ${says}`,
    tables,
    because: 'no flush has covered it since',
  }));
}

/** What somebody who looks at one page is told. */
export interface Observation {
  readonly observer: string;
  readonly says: string;
}

/**
 * What each observer says of the page of an address, one of the direct map's. Asking the kernel may change it: a machine
 * that was asked is to be taken back.
 */
export function observationsOf(k: Kernel, address: VirtualAddress): Observation[] {
  const page = Math.floor(address / k.page_size) * k.page_size;
  const tlbs = Array.from({ length: k.machine.cpus }, (_, cpu) => tlbObservation(k, cpu, page));
  return [
    { observer: 'hardware, by the tables', says: accessWords(k, k.translate(page)) },
    ...tlbs.filter((each) => each !== undefined),
    ...askedOf(k, page),
    ...counterObservation(k),
  ];
}

function accessWords(k: Kernel, leaf: LeafEntry | undefined): string {
  if (leaf === undefined) return 'a fault';
  const { level, low, high } = leaf;
  return `${levelSizeName(k.format, level)} ${describeProtection(k.format, level, k.format.flags(level, low, high))}`;
}

/** A CPU that has used the page, and may go on to use what it found then. */
function tlbObservation(k: Kernel, cpu: number, page: VirtualAddress): Observation | undefined {
  const held = k.tlb?.lookup(cpu, page);
  if (held === undefined) return undefined;
  const stale = staleTranslations(k).some((each) => each.cpu === cpu && each.page === page);
  return { observer: `TLB of CPU ${cpu}`, says: `${accessWords(k, held)}${stale ? ', stale' : ''}` };
}

/** The kernel's own predicate and its walk, as far as this kernel has them and nobody is in their way. */
function askedOf(k: Kernel, page: VirtualAddress): Observation[] {
  const pfn = (page - k.page_address(0)) / k.page_size;
  const asked: readonly (readonly [name: string, arg: number, words: (value: number) => string])[] = [
    ['kernel_page_present', pfn, (value) => (value === 0 ? 'false' : 'true')],
    ['ptdump_walk_pgd', page, (level) => `ends at ${k.format.levelName(level)}`],
  ];
  const held = k.locks.find((lock) =>
    'owner' in lock ? lock.owner >= 0 : lock.readers > 0 || lock.writer >= 0,
  );
  return asked.map(([name, arg, words]) => {
    const says = (text: string): Observation => ({ observer: `${name}()`, says: text });
    const call = callsOf(k.version.arch).get(name);
    if (call === undefined) return says('there is none on this architecture');
    const missing = call.missing?.(k);
    if (missing !== undefined) return says(`none: ${missing}`);
    if (k.death !== undefined) return says('nothing: the machine is dead');
    if (held !== undefined) return says(`not asked while ${held.name} is held`);
    try {
      const result = runTask(call.run(k, [arg]));
      return says(result.ended === 'halted' ? 'the machine dies in it' : words(result.value ?? 0));
    } catch (error) {
      if (!(error instanceof NotModelledError)) throw error;
      return says(`not modelled: ${error.problem.because}`);
    }
  });
}

function counterObservation(k: Kernel): Observation[] {
  const counters = k.direct_pages_count;
  if (counters === undefined) return [];
  const sizes = [1, 2, 3].map((level) => `${levelSizeName(k.format, level)} ${counters.get(level)}`);
  return [{ observer: '/proc/meminfo DirectMap', says: sizes.join(', ') }];
}
