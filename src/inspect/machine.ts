/** The kernel address space of a machine, read from its page tables. */

import { NotModelledError } from '../errors.ts';
import { firstSegmentAbove } from '../memory/core_segments.ts';
import { FrameWords } from '../memory/frame_words.ts';
import type { MachineMemory } from '../memory/machine_memory.ts';
import type { PageSource } from '../memory/physical_memory.ts';
import type { EntryFormat, VirtualAddress } from '../mmu/format.ts';
import { type AddressRange, type Run, type WalkStep, walk, walkAddress } from '../mmu/walk.ts';
import type { AddressSpace, DirectMap, LeafAttributes, Region, Stretch } from './address_space.ts';
import { DirectMapVote } from './direct_map_vote.ts';
import { LeafKinds, MAX_KINDS } from './leaf_kinds.ts';
import { locate } from './locate.ts';
import type { Hints, Located } from './located.ts';
import { type KernelVersion, parseRelease } from './version.ts';

/** Runs that are kept, so that the tables need not be read again: about 40 MB. */
const KEPT_RUNS = 2 ** 18;

/** Of the entries of a top table; of random bits half or more are bad, of Linux's none. */
const MAX_BAD_SHARE = 0.1;

/** Told how far the reading is: tables read so far. */
export type OnTables = (tables: number) => void;

export class Machine implements AddressSpace {
  readonly located: Located;
  readonly memory: MachineMemory;
  readonly tables: PageSource;
  readonly directMap: DirectMap | undefined;
  readonly regions: readonly Region[];
  /** How many tables there are at each level, from 1. */
  readonly tableCounts: readonly number[];
  readonly version: KernelVersion | undefined;
  /** All runs of the space, if they are few. */
  readonly #runs: readonly Run[] | undefined;
  readonly #kinds: LeafKinds;

  /**
   * Reads all of the kernel's tables once. `where` names the source in errors.
   * @throws InputError or NotModelledError where the tables cannot be found, or are of a kind that is not read.
   */
  constructor(memory: MachineMemory, hints: Hints, where: string, onTables?: OnTables) {
    this.memory = memory;
    this.located = locate(memory, hints, where);
    const { format, root, space, directMapWithin, directMapStep } = this.located;
    this.tables = new FrameWords(memory, memory.littleEndian && !format.bigEndianTables);
    const tooMany = () => noTables(`there are more than ${MAX_KINDS} kinds of leaves`, root, where);
    this.#kinds = new LeafKinds(format, tooMany);
    this.version = parseRelease(memory.vmcoreinfo?.release);

    const counts = new Array<number>(format.levels + 1).fill(0);
    let total = 0;
    const onTable = (level: number) => {
      counts[level]!++;
      onTables?.(++total);
    };
    const vote = new DirectMapVote(2 ** format.pageShift, directMapWithin, hints.pageOffset, directMapStep);
    const mapped: AddressRange[] = [];
    let runs: Run[] | undefined = [];
    const mayBeBad = 2 ** format.indexBits(format.levels) * MAX_BAD_SHARE;
    let badInRoot = 0;
    for (const run of walk(this.tables, format, root, { range: space, sharedOnce: true, onTable })) {
      if (runs?.push(run) === KEPT_RUNS) runs = undefined;
      if (run.kind === 'hole') continue;
      if (run.kind === 'bad' && run.level === format.levels) badInRoot += run.count;
      if (badInRoot > mayBeBad)
        throw noTables(`${badInRoot} entries of what should be the top table make no sense`, root, where);
      addRange(mapped, run.address, run.address + run.pages * 2 ** format.pageShift);
      vote.add(run);
    }
    this.#runs = runs;
    this.tableCounts = counts;
    this.directMap = vote.winner();
    this.regions = this.located.regions(this.directMap, mapped);
  }

  get arch() {
    return this.located.arch;
  }

  get format(): EntryFormat {
    return this.located.format;
  }

  get pageBytes(): number {
    return 2 ** this.format.pageShift;
  }

  get usualMemoryType(): string {
    return this.format.usualMemoryType;
  }

  isMemory(physical: number): boolean {
    const ranges = this.memory.machineRanges ?? this.memory.ranges;
    const range = ranges[firstSegmentAbove(ranges, physical)];
    return range !== undefined && range.start <= physical;
  }

  /** Which of the entries that name one table is the first depends on where a range begins. */
  *stretches(range: AddressRange = this.located.space): Generator<Stretch> {
    for (const run of this.#runsIn(range)) yield this.#kinds.stretchOf(run);
  }

  /** The entries that translate an address, from the root down; none for one that the root does not translate. */
  walk(address: VirtualAddress): WalkStep[] {
    const { start, end } = this.located.space;
    const isInside = start <= address && (address < end || (end === 0 && address < 0));
    if (!this.format.signExtended && !isInside) return [];
    return walkAddress(this.tables, this.format, this.located.root, address);
  }

  /**
   * What a leaf with this entry allows, if the tables above it take `inherited` away.
   * @throws NotModelledError where there are more kinds of leaves than any kernel has.
   */
  attributesOf(level: number, low: number, high: number, present: boolean, inherited = 0): LeafAttributes {
    return this.#kinds.attributesOf(level, low, high, present, inherited);
  }

  *#runsIn(range: AddressRange): Generator<Run> {
    const { format, root } = this.located;
    if (this.#runs === undefined) {
      yield* walk(this.tables, format, root, { range, sharedOnce: true });
      return;
    }
    const { pageBytes } = this;
    const start = Math.floor(range.start / pageBytes) * pageBytes;
    const end = Math.ceil(range.end / pageBytes) * pageBytes;
    if (start >= end && !(end === 0 && start < 0)) return;
    for (const run of this.#runs) {
      // An end of 0 is the end of the address space, unless addresses are positive.
      const runEnd = run.address + run.pages * pageBytes;
      if (runEnd <= start && !(runEnd === 0 && start < 0)) continue;
      if (run.address >= end && !(end === 0 && run.address < 0)) break;
      yield run.address >= start && (runEnd <= end || end === 0) ? run : cut(run, start, end, format);
    }
  }
}

function noTables(what: string, root: number, where: string): NotModelledError {
  return new NotModelledError(
    'these page tables',
    `${what}, from the top table at 0x${root.toString(16)} on: encrypted memory (SEV, TDX), another depth, or no tables at all`,
    where,
  );
}

/** A run without what lies outside a range that it overlaps. The entry is still that of its old beginning. */
function cut(run: Run, start: VirtualAddress, end: VirtualAddress, format: EntryFormat): Run {
  const pageBytes = 2 ** format.pageShift;
  const skipped = Math.max(0, start - run.address) / pageBytes;
  const over =
    end === 0 && start < 0 ? 0 : Math.max(0, run.address + run.pages * pageBytes - end) / pageBytes;
  const pages = run.pages - skipped - over;
  const address = run.address + skipped * pageBytes;
  const bytes = 2 ** format.levelShift(run.level);
  // The entries of a hole are of any level, and their number is not known any more.
  const count =
    run.kind === 'hole' ? 1 : Math.ceil((address + pages * pageBytes) / bytes) - Math.floor(address / bytes);
  const frame = run.kind === 'leaf' || run.kind === 'not-present' ? run.frame + skipped : 0;
  return { ...run, address, pages, count, frame };
}

/** Ranges that nearly touch are one: only large gaps matter to who looks for regions. */
function addRange(ranges: AddressRange[], start: VirtualAddress, end: VirtualAddress): void {
  const last = ranges.at(-1);
  if (last !== undefined && start - last.end < 2 ** 30) last.end = end;
  else ranges.push({ start, end });
}
