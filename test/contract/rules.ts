/** What every architecture must do, whatever it is: one rule each, about a machine that has booted. */

import type { Booted } from '../../src/linux/architecture.ts';
import { ENOMEM } from '../../src/linux/errno.ts';
import { type Kernel, rightsOf } from '../../src/linux/kernel.ts';
import { vfree, vmalloc } from '../../src/linux/mm/vmalloc.ts';
import { runTask } from '../../src/linux/task.ts';
import { hexAddress } from '../../src/mmu/format.ts';
import { walk } from '../../src/mmu/walk.ts';
import { countLeaves } from '../../src/scenario/observers.ts';
import { editsOf, namedFrame, ownPages, rightsTo, run, runCounted, sameRights } from './edits.ts';
import { bootCase, type Case, ramFrames } from './machines.ts';

export interface Rule {
  /** True where the rule is kept. */
  readonly sentence: string;
  /** What breaks it, in words; nothing if nothing does. The machine is taken back afterwards. */
  broken(booted: Booted, wanted: Case): Iterable<string>;
}

/** Pages around an edited one that are looked at, where a machine has more. */
const NEIGHBOURHOOD = 512;
const OWN_ORDER = 1;

export const RULES: readonly Rule[] = [
  { sentence: 'a machine that has booted runs, and holds no lock', broken: boots },
  { sentence: 'every page of RAM has the entry of its own frame in the direct map', broken: ramIsMapped },
  { sentence: 'what is not RAM is not in the direct map', broken: holesAreNotMapped },
  { sentence: 'page_address() and the ranges agree on where the direct map lies', broken: rangesAgree },
  { sentence: 'who walks all that the kernel maps meets the whole direct map', broken: kernelRangeHasIt },
  { sentence: 'a page that is given out is present and writable', broken: givenOutIsUsable },
  { sentence: 'the counters are what the tables hold after boot', broken: countersAreTables },
  { sentence: 'kernel_page_present() says what a walk finds', broken: presentIsTrue },
  {
    sentence: 'set_direct_map_invalid_noflush() that returns 0 has done it, or says why not',
    broken: invalidIsDone,
  },
  { sentence: 'out of the direct map and back leaves a page as it was', broken: roundTripKeeps },
  { sentence: 'no edit changes which frame an entry names', broken: framesStay },
  { sentence: 'an edit leaves the pages alone that it was not asked about', broken: neighboursStay },
  { sentence: 'a refused allocation is -ENOMEM, and harms nobody else', broken: refusalsAreTold },
  { sentence: 'undo takes everything back', broken: undoIsWhole },
  { sentence: 'the same calls on the same machine leave the same state', broken: runsAreEqual },
  { sentence: 'vfree() leaves no leaf of vmalloc() behind', broken: vfreeIsWhole },
  { sentence: 'a flush of kernel addresses drops them on every CPU', broken: flushesReachAll },
  { sentence: 'machine and boot are described in short words', broken: wordsAreShort },
];

function* boots({ kernel: k, free }: Booted, { version, page_size }: Case): Generator<string> {
  if (k.system_state !== 'RUNNING') yield `it is ${k.system_state}`;
  if (k.death !== undefined) yield `it died: ${k.death.text}`;
  if (k.version !== version || k.page_size !== page_size) yield 'it is another machine';
  yield* heldIn(k);
  const ram = new Set(ramFrames(k));
  let last = -1;
  for (const { start, end } of free) {
    if (start <= last || end <= start) yield `free memory is not in order at ${start}`;
    if (!ram.has(start) || !ram.has(end - 1)) yield `free memory from ${start} to ${end} is no RAM`;
    last = end;
  }
  if (last < 0) yield 'there is no free memory';
}

/** Locks and contexts that a task left behind. */
function* heldIn(k: Kernel): Generator<string> {
  for (const lock of k.locks) {
    const held = 'owner' in lock ? lock.owner !== -1 : lock.writer !== -1 || lock.readers !== 0;
    if (held) yield `${lock.name} is held`;
  }
  if (k.preempt_count.some((count) => count !== 0)) yield 'preemption is disabled';
  if (k.irqs_disabled.some((flag) => flag !== 0)) yield 'interrupts are disabled';
}

function* ramIsMapped({ kernel: k }: Booted): Generator<string> {
  for (const pfn of ramFrames(k)) {
    const named = namedFrame(k, pfn);
    const unmapped = named === undefined && k.debug_pagealloc_key && k.frames.book?.isFree(pfn) === true;
    if (named !== pfn && !unmapped) {
      yield `pfn ${pfn} is mapped by ${named === undefined ? 'nothing' : `the entry of pfn ${named}`}`;
      return;
    }
  }
}

function* holesAreNotMapped({ kernel: k }: Booted): Generator<string> {
  const ram = new Set(ramFrames(k));
  const [first, last] = firstAndLast(ram);
  const { end } = k.kernel_range;
  for (let pfn = first; pfn <= last + 1; pfn++) {
    if (ram.has(pfn) || k.page_address(pfn) >= end) continue;
    if (k.leafAt(k.page_address(pfn)) !== undefined) {
      yield `pfn ${pfn} is mapped`;
      return;
    }
  }
}

function firstAndLast(frames: Set<number>): [number, number] {
  const all = [...frames];
  return [all[0]!, all.at(-1)!];
}

function* rangesAgree({ kernel: k }: Booted): Generator<string> {
  const { direct_map, direct_map_window: window, kernel_range, page_size } = k;
  const [first, last] = firstAndLast(new Set(ramFrames(k)));
  const text = ({ start, end }: { start: number; end: number }) => `${hexAddress(start)}-${hexAddress(end)}`;
  if (k.page_address(first) < direct_map.start || k.page_address(last) + page_size > direct_map.end)
    yield `RAM at ${hexAddress(k.page_address(first))} is outside of ${text(direct_map)}`;
  if (k.page_address(last) - k.page_address(first) !== (last - first) * page_size)
    yield 'page_address() is not linear';
  if (direct_map.start < window.start || direct_map.end > window.end)
    yield `${text(direct_map)} is outside of its window, ${text(window)}`;
  if (direct_map.start < kernel_range.start || direct_map.end > kernel_range.end)
    yield `${text(direct_map)} is outside of the kernel's ${text(kernel_range)}`;
}

function* kernelRangeHasIt({ kernel: k }: Booted): Generator<string> {
  const [mapped, all] = [k.direct_map, k.kernel_range].map((range) => {
    const frames = new Set<number>();
    for (const { kind, frame, pages } of walk(k.memory, k.format, k.root, { range, sharedOnce: true }))
      if (kind === 'leaf' || kind === 'not-present') for (let i = 0; i < pages; i++) frames.add(frame + i);
    return frames;
  });
  const missed = [...mapped!].find((frame) => !all!.has(frame));
  if (missed !== undefined) yield `not pfn ${missed}`;
}

function* givenOutIsUsable({ kernel: k }: Booted): Generator<string> {
  const pfn = ownPages(k, OWN_ORDER);
  for (let page = pfn; page < pfn + 2 ** OWN_ORDER; page++) {
    const rights = rightsTo(k, page);
    if (rights?.present !== true || !rights.writable) yield `pfn ${page} is ${JSON.stringify(rights)}`;
  }
}

function* countersAreTables({ kernel: k }: Booted): Generator<string> {
  const counters = k.direct_pages_count;
  if (counters === undefined) return;
  const leaves = countLeaves(k);
  for (let level = 1; level <= 3; level++) {
    if (counters.get(level) !== leaves[level])
      yield `level ${level}: counted ${counters.get(level)}, there are ${leaves[level]}`;
  }
}

// ---- calls by name, where all architectures have them

function present(k: Kernel, pfn: number): boolean | undefined {
  const { value, notModelled } = runCounted(k, function* () {
    return (yield* k.kernel_page_present(pfn)) ? 1 : 0;
  });
  return notModelled ? undefined : value === 1;
}

function lacksSetDirectMap(k: Kernel): boolean {
  return k.version.arch.lacks?.('ARCH_HAS_SET_DIRECT_MAP', k) !== undefined;
}

function invalid(k: Kernel, pfn: number) {
  return runCounted(k, () => k.set_direct_map_invalid_noflush(pfn));
}

/** Where nothing can take a page out, it is a stub that is not about the tables. */
function* presentIsTrue({ kernel: k }: Booted): Generator<string> {
  if (lacksSetDirectMap(k)) return;
  const own = ownPages(k, 0);
  const check = function* (pfn: number, state: string): Generator<string> {
    const found = k.translate(k.page_address(pfn)) !== undefined;
    const says = present(k, pfn);
    if (says !== found) yield `of ${state} it says ${says ?? 'nothing'}, and a walk says ${found}`;
  };
  yield* check(own, 'a page that is given out');
  if (invalid(k, own).value === 0) yield* check(own, 'a page that was taken out');
  const free = k.frames.book?.freeRanges()[Symbol.iterator]().next().value?.start;
  if (free !== undefined) yield* check(free, 'a free page');
}

function* invalidIsDone({ kernel: k }: Booted): Generator<string> {
  if (lacksSetDirectMap(k)) return;
  const pfn = ownPages(k, 0);
  const { value, guards } = invalid(k, pfn);
  if (value !== 0 || guards.length > 0) return;
  if (rightsTo(k, pfn)?.present !== false) yield 'it returned 0 in silence, and the page is present';
}

function* roundTripKeeps({ kernel: k }: Booted): Generator<string> {
  const pfn = ownPages(k, 0);
  const before = rightsTo(k, pfn);
  const out = invalid(k, pfn);
  const back = runCounted(k, () => k.set_direct_map_default_noflush(pfn));
  if (k.death !== undefined) yield `the machine died: ${k.death.text}`;
  const after = rightsTo(k, pfn);
  if (before?.present !== after?.present || before?.writable !== after?.writable)
    yield `returned ${out.value} and ${back.value}; ${JSON.stringify(before)} became ${JSON.stringify(after)}`;
}

// ---- every edit that an architecture has

function nearby(k: Kernel, pfn: number): number[] {
  return [...ramFrames(k)].filter((each) => Math.abs(each - pfn) < NEIGHBOURHOOD);
}

function* framesStay({ kernel: k }: Booted): Generator<string> {
  const pfn = ownPages(k, OWN_ORDER);
  const pages = nearby(k, pfn);
  for (const edit of editsOf(k, pfn)) {
    const mark = k.mark();
    run(k, edit);
    const moved = pages.find((page) => (namedFrame(k, page) ?? page) !== page);
    if (moved !== undefined)
      yield `${edit.name}: page+${moved - pfn} has the entry of pfn ${namedFrame(k, moved)}`;
    k.undo(mark);
  }
}

function* neighboursStay({ kernel: k }: Booted): Generator<string> {
  yield* harmedBy(k, undefined);
}

function* refusalsAreTold({ kernel: k }: Booted): Generator<string> {
  yield* harmedBy(k, () => false);
}

/** Edits that harm other pages; with a policy that refuses, also those that then do not return -ENOMEM. */
function* harmedBy(k: Kernel, policy: (() => boolean) | undefined): Generator<string> {
  const pfn = ownPages(k, OWN_ORDER);
  const others = nearby(k, pfn).filter((page) => page !== pfn);
  const before = new Map(others.map((page) => [page, rightsTo(k, page)]));
  for (const edit of editsOf(k, pfn)) {
    const mark = k.mark();
    const { value, asked, given, notModelled } = run(k, edit, policy);
    const died = k.death !== undefined;
    const harmed = others.find(
      (page) => !given.includes(page) && !sameRights(before.get(page), rightsTo(k, page)),
    );
    if (harmed !== undefined)
      yield `${edit.name}: page+${harmed - pfn} became ${JSON.stringify(rightsTo(k, harmed))}`;
    const told = edit.call.returns !== 'int' || value === -ENOMEM;
    if (policy !== undefined && asked > 0 && !told && !died && !notModelled)
      yield `${edit.name}: returned ${value} without the memory that it asked for`;
    if (!died) for (const held of heldIn(k)) yield `${edit.name}: ${held}`;
    k.undo(mark);
  }
}

/** All that tells one state from another, in words. */
function stateOf(k: Kernel): string {
  const counters = k.direct_pages_count?.toArray() ?? [];
  const hidden = k.hiddenState.map((part) => `${part.name} ${part.text()}`);
  const pages = k.frames.book?.heldFrames() ?? [];
  return [k.memory.hash, counters, k.vm_events.toArray(), pages, ...hidden, ...heldIn(k)].join('; ');
}

function* undoIsWhole({ kernel: k }: Booted): Generator<string> {
  const before = stateOf(k);
  const mark = k.mark();
  for (const edit of editsOf(k, ownPages(k, OWN_ORDER))) {
    run(k, edit);
    if (k.death !== undefined) break;
  }
  if (stateOf(k) === before) yield 'no call did anything';
  k.undo(mark);
  if (stateOf(k) !== before) yield `${before} became ${stateOf(k)}`;
}

function* runsAreEqual(_booted: Booted, wanted: Case): Generator<string> {
  const [one, other] = [0, 1].map(() => {
    const { kernel: k } = bootCase(wanted);
    const returned = editsOf(k, ownPages(k, OWN_ORDER)).map((edit) =>
      k.death === undefined ? run(k, edit).value : 'dead',
    );
    return `${returned.join(' ')}; ${stateOf(k)}`;
  });
  if (one !== other) yield `${one} and ${other}`;
}

function* vfreeIsWhole({ kernel: k }: Booted): Generator<string> {
  let addr: number | undefined;
  const got = runCounted(k, function* () {
    addr = yield* vmalloc(k, 2);
    return addr;
  });
  if (got.notModelled) yield 'vmalloc() is not modelled';
  if (addr === undefined) return;
  const start = addr;
  const leaves = () => [0, 1].filter((i) => k.translate(start + i * k.page_size) !== undefined).length;
  if (leaves() !== 2) yield `${leaves()} of 2 pages are mapped`;
  runTask(vfree(k, start));
  if (leaves() !== 0) yield `${leaves()} of 2 pages are still mapped`;
}

function* flushesReachAll({ kernel: k }: Booted): Generator<string> {
  const pfn = ownPages(k, OWN_ORDER);
  const cpus = Array.from({ length: k.machine.cpus }, (_, cpu) => cpu);
  const address = k.page_address(pfn);
  const leaf = k.translate(address);
  if (leaf === undefined) return;
  for (const cpu of cpus)
    k.tlb!.fill(cpu, address, { ...leaf, address, bytes: 2 ** k.format.levelShift(leaf.level) });
  if (!rightsOf(k.format, leaf).present) return;
  runTask(k.flush_tlb_kernel_range(address, address + k.page_size));
  for (const cpu of cpus) if (k.tlb!.lookup(cpu, address) !== undefined) yield `CPU ${cpu} still has it`;
}

function* wordsAreShort({ kernel: k }: Booted): Generator<string> {
  for (const word of [...k.describeMachine(), ...k.describeBoot()])
    if (word === '' || word.length > 40 || /\n/.test(word)) yield JSON.stringify(word);
}
