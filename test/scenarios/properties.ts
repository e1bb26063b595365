/**
 * What should hold in every run, whatever the kernel: P1 to P10 of docs/scenarios.md, as far as a run shows it. Each check
 * gives what breaks the property, in words; nothing if nothing does.
 */

import { NotModelledError } from '../../src/errors.ts';
import { type Kernel, rightsOf } from '../../src/linux/kernel.ts';
import { PAGE_TABLE_OWNER } from '../../src/linux/mm/frame_allocator.ts';
import { runTask } from '../../src/linux/task.ts';
import { EntryKind } from '../../src/mmu/format.ts';
import { walk } from '../../src/mmu/walk.ts';
import type { EntryChange, Step } from '../../src/scenario/outcome.ts';
import type { Run } from './library.ts';

type Check = (run: Run) => string[];

export const PROPERTIES: Readonly<Record<string, Check>> = {
  P1: accessesSucceed,
  P2: promisesKept,
  P3: othersUnchanged,
  P4: copiesChangeNothing,
  P5: nothingSleepsInAtomicContext,
  P6: splitsKeepRights,
  P8: freePagesUsable,
  P9: observersAgree,
  P10: snapshotsDoNotAllocate,
};

/** The properties that a script says it breaks: "Breaks P1 and P3: ...". */
export function declaredIn(comments: readonly string[]): string[] {
  const [, list = ''] = /Breaks (P\d+(?:(?:, | and )P\d+)*)/.exec(comments.join(' ')) ?? [];
  return list.match(/P\d+/g) ?? [];
}

// ---- P1: who may access a page can

/** The machine dies of an access only where the script says that it is caught. */
function accessesSucceed({ outcome, scenario }: Run): string[] {
  const lines = scenario.source.split('\n');
  return outcome.steps
    .filter(({ died }) => died !== undefined && /page fault|RMP violation/.test(died))
    .filter(({ line }) => !lines[line - 1]!.includes('caught'))
    .map(({ call, died }) => `${call}: ${died}`);
}

// ---- P2: 0 means what was asked for

function promisesKept({ outcome }: Run): string[] {
  return outcome.steps.flatMap(({ call, notAsPromised }) =>
    notAsPromised === undefined ? [] : [`${call}: ${notAsPromised.example}`],
  );
}

// ---- P3: what was not asked about is as it was

/** Calls that are about the pages of their first two arguments and no others. */
const EDITS =
  /^(set_memory_\w+|set_direct_map_\w+|__kernel_map_pages|set_mce_nospec|clear_mce_nospec)\((pfn )?0x([0-9a-f]+)(?:, (\d+))?/;

/** The frames that a call is about; undefined where that is not known. */
function requested(k: Kernel, call: string): Set<number> | undefined {
  const [, , pfn, hex, count = '1'] = EDITS.exec(call) ?? [];
  if (hex === undefined) return undefined;
  const pages = Array.from({ length: Number(count) }, (_, i) => i);
  if (pfn !== undefined) return new Set(pages.map((i) => Number.parseInt(hex, 16) + i));
  const address = Number(BigInt.asIntN(64, BigInt(`0x${hex}`)));
  const frames = pages.map((i) => frameAt(k, address + i * k.page_size));
  return frames.includes(undefined) ? undefined : new Set(frames as number[]);
}

function frameAt(k: Kernel, address: number): number | undefined {
  const leaf = k.leafAt(address);
  if (leaf === undefined) return undefined;
  const bytes = 2 ** k.format.levelShift(leaf.level);
  const within = address - Math.floor(address / bytes) * bytes;
  return k.format.leafFrame(leaf.level, leaf.low, leaf.high) + within / k.page_size;
}

interface Entry {
  readonly level: number;
  readonly low: number;
  readonly high: number;
}

/** What a change made of what. */
function entriesOf(k: Kernel, change: EntryChange): { before: Entry; after: Entry } {
  let level = 1;
  while (k.format.levelName(level) !== change.level) level++;
  const entry = (text: string) => {
    const word = BigInt(text);
    return { level, low: Number(word & 0xffff_ffffn), high: Number(word >> 32n) };
  };
  return { before: entry(change.before.word), after: entry(change.after.word) };
}

function isLeaf(k: Kernel, { level, low, high }: Entry): boolean {
  const kind = k.format.kind(level, low, high);
  return kind === EntryKind.Leaf || kind === EntryKind.NotPresentLeaf;
}

function sameRights(k: Kernel, a: Entry, b: Entry): boolean {
  const [one, other] = [rightsOf(k.format, a), rightsOf(k.format, b)];
  if (one.present !== other.present) return false;
  return !one.present || (one.writable === other.writable && one.executable === other.executable);
}

/** Whether a run of leaves maps a frame that is not in `frames`, and that the call did not take for a table. */
function mapsOthers(k: Kernel, { level, low, high }: Entry, count: number, frames: Set<number>): boolean {
  const first = k.format.leafFrame(level, low, high);
  const pages = count * 2 ** (k.format.levelShift(level) - k.format.pageShift);
  const isTable = (pfn: number) => k.frames.book?.ownerOf(pfn) === PAGE_TABLE_OWNER;
  for (let i = 0; i < pages; i++) if (!frames.has(first + i) && !isTable(first + i)) return true;
  return false;
}

function othersUnchanged({ outcome, kernel: k }: Run): string[] {
  return outcome.steps.flatMap((step) => {
    const frames = requested(k, step.call);
    if (frames === undefined) return [];
    return step.changes
      .filter((change) => {
        if (change.effect !== 'changed' || change.inNewTable) return false;
        const { before, after } = entriesOf(k, change);
        if (!isLeaf(k, before) || !isLeaf(k, after) || sameRights(k, before, after)) return false;
        return mapsOthers(k, after, change.count, frames);
      })
      .map((change) => `${step.call}: ${textOf(change)}`);
  });
}

function textOf({ level, address, count, before, after }: EntryChange): string {
  return `${level} ${address} x${count}: ${before.text} => ${after.text}`;
}

// ---- P4: hibernation's copy leaves a page as it was

function copiesChangeNothing({ outcome, kernel: k }: Run): string[] {
  const copies = outcome.steps.filter(({ call }) => /^(safe_copy_page|hibernate)\(/.test(call));
  return copies
    .filter(({ died }) => died === undefined)
    .flatMap((step) =>
      step.changes
        .filter((change) => (change.inNewTable ? losesWrite(k, step, change) : change.effect === 'changed'))
        .map((change) => `${step.call}: ${textOf(change)}`),
    );
}

/** Whether a leaf that came of a split is not writable, as the large one was, present or not. */
function losesWrite(k: Kernel, step: Step, change: EntryChange): boolean {
  const { after } = entriesOf(k, change);
  const parent = parentOf(k, step, change);
  if (parent === undefined || !isLeaf(k, after)) return false;
  return rightsOf(k.format, parent).writable && !rightsOf(k.format, after).writable;
}

/** The leaf in the place of which the change's entries are. */
function parentOf(k: Kernel, step: Step, change: EntryChange): Entry | undefined {
  const address = BigInt(change.address);
  for (const split of step.changes) {
    if (split.effect !== 'split') continue;
    const { before } = entriesOf(k, split);
    const bytes = BigInt(2 ** k.format.levelShift(before.level)) * BigInt(split.count);
    const start = BigInt(split.address);
    if (address >= start && address < start + bytes) return before;
  }
  return undefined;
}

// ---- P5

function nothingSleepsInAtomicContext({ outcome }: Run): string[] {
  const told = outcome.steps.flatMap(({ messages, unreported }) => [
    ...messages,
    ...unreported.map(({ text }) => text),
  ]);
  return told.filter((text) => /sleeping function|scheduling while atomic/.test(text));
}

// ---- P6: a split changes no page but those that were asked for

function splitsKeepRights({ outcome, kernel: k }: Run): string[] {
  return outcome.steps.flatMap((step) => {
    const frames = requested(k, step.call);
    if (frames === undefined) return [];
    return step.changes
      .filter((change) => {
        const parent = change.inNewTable ? parentOf(k, step, change) : undefined;
        if (parent === undefined) return false;
        const { after } = entriesOf(k, change);
        if (!isLeaf(k, after) || sameRights(k, parent, after)) return false;
        return mapsOthers(k, after, change.count, frames);
      })
      .map((change) => `${step.call}: ${textOf(change)}`);
  });
}

// ---- P8: a free page can be used by whoever gets it

function freePagesUsable({ kernel: k, scenario }: Run): string[] {
  const guest = (scenario.program.header.features?.value ?? []).some(({ name }) => /tdx|vtom/.test(name));
  const free = [...(k.frames.book?.freeRanges() ?? [])];
  const broken: string[] = [];
  for (const run of walk(k.memory, k.format, k.root, { range: k.direct_map })) {
    const unusable =
      run.kind === 'leaf'
        ? !k.format.writable(run.level, run.flags)
        : run.kind === 'not-present' && !k.debug_pagealloc_key;
    if (!unusable) continue;
    const hit = free.find(({ start, end }) => start < run.frame + run.pages && run.frame < end);
    if (hit !== undefined)
      broken.push(
        `pfn 0x${Math.max(hit.start, run.frame).toString(16)} is free, and ${run.kind === 'leaf' ? 'read-only' : 'not present'}`,
      );
  }
  if (!guest) return broken;
  for (const { start, end } of free) {
    for (let pfn = start; pfn < end; pfn++) {
      if (k.host_can_read(pfn)) broken.push(`pfn 0x${pfn.toString(16)} is free, and shared with the host`);
    }
  }
  return broken;
}

// ---- P9: those who look see what the tables say

/** The counters of /proc/meminfo are left out: they drift in known ways, which docs/counters.md has. */
function observersAgree({ outcome, kernel: k }: Run): string[] {
  const stale = outcome.disagreements.filter(({ observer }) => observer.startsWith('TLB'));
  const broken = stale.map(({ observer, says, tables }) => `${observer}: ${says}; the tables: ${tables}`);
  if (!k.arch_has_set_direct_map) return broken;
  const named = outcome.steps.flatMap(({ call }) => [...call.matchAll(/pfn 0x([0-9a-f]+)/g)]);
  for (const pfn of new Set(named.map(([, hex]) => Number.parseInt(hex!, 16)))) {
    const says = kernelPagePresent(k, pfn);
    const tables = k.translate(k.page_address(pfn)) !== undefined;
    if (says !== undefined && says !== tables)
      broken.push(`kernel_page_present(0x${pfn.toString(16)}): ${says}`);
  }
  return broken;
}

/** What the kernel says of a page; undefined where nobody knows. */
function kernelPagePresent(k: Kernel, pfn: number): boolean | undefined {
  try {
    const result = runTask(k.kernel_page_present(pfn));
    return result.ended === 'returned' ? result.value : undefined;
  } catch (error) {
    if (error instanceof NotModelledError) return undefined;
    throw error;
  }
}

// ---- P10

function snapshotsDoNotAllocate({ outcome }: Run): string[] {
  let suspended = false;
  return outcome.steps.flatMap(({ call, allocations, refused }) => {
    if (call.startsWith('syscore_')) suspended = call.startsWith('syscore_suspend');
    const inside = suspended || call.startsWith('hibernate(');
    return inside && allocations > refused.length ? [`${call}: ${allocations} allocations`] : [];
  });
}
