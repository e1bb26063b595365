/**
 * The one walker: any entry format, over any source of pages.
 *
 * `walk` turns a tree of tables into a flat list of runs, in ascending order of the 64-bit address. A run is the
 * longest stretch of entries that say the same thing. Together the runs cover the range exactly, whatever the
 * tables hold: a walk of garbage ends, and never throws. `walkAddress` follows one address down the tree.
 */

import { PAGE_SIZE, type PageSource, type PageWords } from '../memory/physical_memory.ts';
import { type EntryFlags, type EntryFormat, EntryKind, type VirtualAddress } from './format.ts';

/**
 * What a run is made of: translations that the hardware uses, leaves that it does not use, nothing, entries that
 * cannot be followed, entries that the source does not have, or entries that name tables which were walked already.
 */
export type RunKind = 'leaf' | 'not-present' | 'hole' | 'bad' | 'missing' | 'shared';

/** Why a run is bad (the first three) or missing (the last). */
export type WalkProblem = 'reserved bits' | 'cycle' | 'too many tables' | 'unreadable table';

/**
 * The longest stretch of entries of one kind. Leaves go together when their level and flags agree and their frames
 * follow one another, also from one table to the next; holes whatever their level; missing entries of one table; the
 * rest when level and problem agree.
 */
export interface Run {
  readonly kind: RunKind;
  /** Where it begins. */
  readonly address: VirtualAddress;
  /** How long it is, in base pages: as bytes it could be more than a number holds exactly. */
  readonly pages: number;
  /** The level of its first entry. */
  readonly level: number;
  /** The frame that a leaf's first page is mapped to, present or not; 0 in a run of any other kind. */
  readonly frame: number;
  /** The flags of its leaves; 0 in a run of any other kind. */
  readonly flags: EntryFlags;
  /** What the tables above a leaf take away from it (`Restriction`); 0 in a run of any other kind. */
  readonly inherited: number;
  /** How many entries it is made of. */
  readonly count: number;
  /** Physical address of the table of its first entry. That is the table which cannot be read, in a missing run. */
  readonly table: number;
  /** The first entry; zeros in a missing run. */
  readonly low: number;
  readonly high: number;
  /** Set in a bad or a missing run. */
  readonly why: WalkProblem | undefined;
}

/** Virtual addresses from `start` up to, not including, `end`. An end of 0 is the end of the address space. */
export interface AddressRange {
  start: VirtualAddress;
  end: VirtualAddress;
}

export interface WalkOptions {
  /**
   * Walk this much only; all that the root maps if not given. A run that reaches over an end is cut there. Of a root
   * that is not sign-extended, which maps any window as large as itself, this selects the window: the one with
   * `start` in it, or the one at 0.
   */
  range?: AddressRange;
  /**
   * Walk a table once, however many entries name it: those after the first make a `shared` run, or a hole if nothing
   * is in it. Tables that the range cuts, or that are reached under other restrictions, are walked again; and so are,
   * where there are millions, those that were met last.
   */
  sharedOnce?: boolean;
  /** How many tables to enter before giving up. */
  maxTables?: number;
  /** Called for each table that is entered, before its entries, with the address that its first entry maps. */
  onTable?: (level: number, tableAddress: number, firstAddress: VirtualAddress) => void;
}

/** Enough for the page tables of 64 TiB mapped with pages of 4 KiB. */
const MAX_TABLES = 32 * 1024 * 1024;

/** Tables of a level that are known again: those of 8 TiB in pages of 4 KiB, in 160 MB. */
const MAX_REMEMBERED = 2 ** 22;

const BYTES_PER_ENTRY = 8;

/** The runs that the tables under `rootAddress`, a multiple of 8, are made of. */
export function walk(
  source: PageSource,
  format: EntryFormat,
  rootAddress: number,
  options: WalkOptions = {},
): Generator<Run, void, undefined> {
  return new Walker(source, format, options).runs(rootAddress, piecesOf(format, options.range));
}

/** One entry on the way from the root to a translation. */
export interface WalkStep {
  readonly level: number;
  /** Physical address of the entry. */
  readonly entryAddress: number;
  /** The entry; zeros if the source does not have it. */
  readonly low: number;
  readonly high: number;
  /** All steps but the last are tables, and the last is not. */
  readonly kind: 'table' | RunKind;
  readonly why: WalkProblem | undefined;
}

/**
 * The entries that translate one address, from the root down to the one that is not a table. None at all for an
 * address that is not canonical. Address bits above those that the root translates do not count otherwise.
 */
export function walkAddress(
  source: PageSource,
  format: EntryFormat,
  rootAddress: number,
  address: VirtualAddress,
): WalkStep[] {
  const page = unsignedPage(format, Math.floor(address / 2 ** format.pageShift));
  if (format.signExtended && !isCanonical(format, page)) return [];

  const steps: WalkStep[] = [];
  const tables: number[] = [];
  let table = rootAddress;
  for (let level = format.levels; ; level--) {
    tables.push(table);
    const index = Math.floor(page / pagesPerEntry(format, level)) % 2 ** format.indexBits(level);
    const entryAddress = table + index * BYTES_PER_ENTRY;
    const words = source.readPage(Math.floor(entryAddress / PAGE_SIZE));
    if (words === undefined) {
      steps.push({ level, entryAddress, low: 0, high: 0, kind: 'missing', why: 'unreadable table' });
      return steps;
    }
    const low = words[(entryAddress % PAGE_SIZE) >>> 2]!;
    const high = words[((entryAddress % PAGE_SIZE) >>> 2) + 1]!;
    const entryKind = format.kind(level, low, high);
    if (entryKind === EntryKind.Table) table = format.tableAddress(level, low, high);
    const cycle = entryKind === EntryKind.Table && tables.includes(table);
    const kind = cycle ? 'bad' : KIND_NAMES[entryKind];
    steps.push({ level, entryAddress, low, high, kind, why: problemOf(entryKind, cycle) });
    if (kind !== 'table') return steps;
  }
}

/** What an entry is, in the words of a step or a run. */
export const KIND_NAMES = {
  [EntryKind.None]: 'hole',
  [EntryKind.Table]: 'table',
  [EntryKind.Leaf]: 'leaf',
  [EntryKind.NotPresentLeaf]: 'not-present',
  [EntryKind.Bad]: 'bad',
} as const;

function problemOf(kind: EntryKind, cycle: boolean): WalkProblem | undefined {
  if (cycle) return 'cycle';
  return kind === EntryKind.Bad ? 'reserved bits' : undefined;
}

/**
 * A contiguous part of the address space, in unsigned page numbers: from `start` up to `end`, under a root whose first
 * entry is at `base`.
 */
interface Piece {
  base: number;
  start: number;
  end: number;
}

/** What to walk: one piece, or the two canonical halves of a sign-extended root; without what is out of range. */
function piecesOf(format: EntryFormat, range?: AddressRange): Piece[] {
  const all = 2 ** (64 - format.pageShift);
  const pageSize = 2 ** format.pageShift;
  const size = pagesPerEntry(format, format.levels) * 2 ** format.indexBits(format.levels);
  const start = range === undefined ? 0 : unsignedPage(format, Math.floor(range.start / pageSize));
  const end = (range === undefined ? 0 : unsignedPage(format, Math.ceil(range.end / pageSize))) || all;
  // From the kernel's half over 0 into the user's: in unsigned numbers two ranges.
  const wraps = range !== undefined && range.start < 0 && range.end > 0;
  const wanted = wraps
    ? [
        { start: 0, end },
        { start, end: all },
      ]
    : [{ start, end }];
  const window = Math.floor(start / size) * size;
  const pieces = format.signExtended
    ? [
        { base: 0, start: 0, end: size / 2 },
        { base: all - size, start: all - size / 2, end: all },
      ]
    : [{ base: window, start: window, end: window + size }];
  return pieces
    .flatMap((piece) =>
      wanted.map((part) => ({
        base: piece.base,
        start: Math.max(part.start, piece.start),
        end: Math.min(part.end, piece.end),
      })),
    )
    .filter((piece) => piece.start < piece.end);
}

/** Whether a page number, unsigned, is in one of the halves of a sign-extended root. */
function isCanonical(format: EntryFormat, page: number): boolean {
  const half = (pagesPerEntry(format, format.levels) * 2 ** format.indexBits(format.levels)) / 2;
  return page < half || page >= 2 ** (64 - format.pageShift) - half;
}

/** A page number of the address space counted from the lowest unsigned address, from one that is signed. */
function unsignedPage(format: EntryFormat, page: number): number {
  return page < 0 ? page + 2 ** (64 - format.pageShift) : page;
}

function pagesPerEntry(format: EntryFormat, level: number): number {
  return 2 ** (format.levelShift(level) - format.pageShift);
}

type OpenRun = { -readonly [Field in keyof Run]: Run[Field] };

/** The law of merging. `next` begins where `run` ends. */
function continues(run: Run, next: Run): boolean {
  if (run.kind !== next.kind) return false;
  if (run.kind === 'hole') return true;
  if (run.level !== next.level || run.why !== next.why) return false;
  if (run.kind === 'missing') return run.table === next.table;
  if (run.kind !== 'leaf' && run.kind !== 'not-present') return true;
  if (run.inherited !== next.inherited) return false;
  return run.flags === next.flags && run.frame + run.pages === next.frame;
}

/** Where the walk stands in the table that it is in, at one level. */
interface Cursor {
  readonly level: number;
  readonly entries: number;
  readonly pagesPerEntry: number;
  table: number;
  /** What the tables above take away from its leaves. */
  inherited: number;
  /** Whether all of the table is walked, and how much the walk had found when it began. */
  whole: boolean;
  foundBefore: number;
  /** The unsigned page number that the table's first entry maps. */
  firstPage: number;
  /** The next entry to look at, and where the entries to look at end. */
  index: number;
  end: number;
  /** The page of physical memory that has the entries up to `loadedEnd`; entry i is at 2 * i + bias. */
  words: PageWords | undefined;
  loadedEnd: number;
  bias: number;
}

class Walker {
  readonly #source: PageSource;
  readonly #format: EntryFormat;
  readonly #maxTables: number;
  readonly #onTable: WalkOptions['onTable'];
  /** How much was found in each table that was walked whole, by `reachedAs`; undefined if nobody wants to know. */
  readonly #walked: Map<number, number>[] | undefined;
  readonly #cursors: readonly Cursor[];
  /** Base pages in 64 bits of address space. */
  readonly #allPages: number;
  readonly #pageSize: number;
  #tablesEntered = 1;
  /** Entries that are not holes, so far. */
  #found = 0;

  constructor(source: PageSource, format: EntryFormat, options: WalkOptions) {
    this.#source = source;
    this.#format = format;
    this.#maxTables = options.maxTables ?? MAX_TABLES;
    this.#onTable = options.onTable;
    this.#walked = options.sharedOnce === true ? [] : undefined;
    this.#allPages = 2 ** (64 - format.pageShift);
    this.#pageSize = 2 ** format.pageShift;
    this.#cursors = Array.from({ length: format.levels + 1 }, (_, level) => ({
      level,
      entries: level === 0 ? 0 : 2 ** format.indexBits(level),
      pagesPerEntry: level === 0 ? 0 : pagesPerEntry(format, level),
      table: 0,
      inherited: 0,
      whole: false,
      foundBefore: 0,
      firstPage: 0,
      index: 0,
      end: 0,
      words: undefined,
      loadedEnd: 0,
      bias: 0,
    }));
  }

  *runs(rootAddress: number, pieces: readonly Piece[]): Generator<Run, void, undefined> {
    const { levels, signExtended } = this.#format;
    if (pieces.length > 0) {
      this.#onTable?.(levels, rootAddress, signExtended ? 0 : this.#address(pieces[0]!.base));
    }
    for (const piece of pieces) {
      let run: OpenRun | undefined;
      let level = levels;
      this.#enter(level, rootAddress, 0, piece.base, piece);

      while (level <= levels) {
        const cursor = this.#cursors[level]!;
        if (cursor.index === cursor.end) {
          if (cursor.whole) this.#wasWalked(cursor);
          level++;
          continue;
        }
        if (cursor.index === cursor.loadedEnd) this.#load(cursor);
        if (run !== undefined) {
          this.#lengthen(run, cursor);
          if (cursor.index === cursor.loadedEnd) continue;
        }
        const next = this.#begin(cursor, piece);
        if (next === undefined) {
          level--;
        } else if (run !== undefined && continues(run, next)) {
          run.pages += next.pages;
          run.count += next.count;
        } else {
          if (run !== undefined) yield run;
          run = next;
        }
        if (next?.why === 'too many tables') break;
      }

      if (run === undefined) continue;
      run.pages = Math.min(run.pages, piece.end - unsignedPage(this.#format, run.address / this.#pageSize));
      yield run;
    }
  }

  #wasWalked({ level, inherited, table, foundBefore }: Cursor): void {
    if (this.#walked === undefined) return;
    const tables = this.#walked[reachedAs(level, inherited)] ?? new Map<number, number>();
    if (tables.size < MAX_REMEMBERED) tables.set(table, this.#found - foundBefore);
    this.#walked[reachedAs(level, inherited)] = tables;
  }

  #address(page: number): VirtualAddress {
    return (page < this.#allPages / 2 ? page : page - this.#allPages) * this.#pageSize;
  }

  /** Put the level's cursor on the first entry of a table that lies in the piece. */
  #enter(level: number, table: number, inherited: number, firstPage: number, piece: Piece): void {
    const cursor = this.#cursors[level]!;
    cursor.table = table;
    cursor.inherited = inherited;
    cursor.foundBefore = this.#found;
    cursor.firstPage = firstPage;
    cursor.index = Math.max(0, Math.floor((piece.start - firstPage) / cursor.pagesPerEntry));
    cursor.end = Math.min(cursor.entries, Math.ceil((piece.end - firstPage) / cursor.pagesPerEntry));
    cursor.whole = cursor.index === 0 && cursor.end === cursor.entries;
    cursor.loadedEnd = cursor.index;
  }

  /** Read the page that has the cursor's entry. A table may begin anywhere in a page, and may fill several. */
  #load(cursor: Cursor): void {
    const entryAddress = cursor.table + cursor.index * BYTES_PER_ENTRY;
    const offset = entryAddress % PAGE_SIZE;
    cursor.words = this.#source.readPage(Math.floor(entryAddress / PAGE_SIZE));
    cursor.loadedEnd = Math.min(cursor.end, cursor.index + (PAGE_SIZE - offset) / BYTES_PER_ENTRY);
    cursor.bias = (offset >>> 2) - 2 * cursor.index;
  }

  /** The fast path: move the cursor over the loaded holes or leaves that continue the run. */
  #lengthen(run: OpenRun, cursor: Cursor): void {
    const { words, level, bias, loadedEnd } = cursor;
    if (words === undefined) return;
    const format = this.#format;
    const from = cursor.index;
    let index = from;

    if (run.kind === 'hole') {
      while (index < loadedEnd) {
        const at = 2 * index + bias;
        if (format.kind(level, words[at]!, words[at + 1]!) !== EntryKind.None) break;
        index++;
        index = equalUpTo(words, index, bias, loadedEnd);
      }
    } else if (
      run.level === level &&
      run.inherited === cursor.inherited &&
      (run.kind === 'leaf' || run.kind === 'not-present')
    ) {
      const kind = run.kind === 'leaf' ? EntryKind.Leaf : EntryKind.NotPresentLeaf;
      const { flags } = run;
      let frame = run.frame + run.pages;
      const continuesAt = (at: number, expected: number) => {
        const low = words[at]!;
        const high = words[at + 1]!;
        if (format.kind(level, low, high) !== kind) return false;
        return format.leafFrame(level, low, high) === expected && format.flags(level, low, high) === flags;
      };
      while (index < loadedEnd && continuesAt(2 * index + bias, frame)) {
        frame += cursor.pagesPerEntry;
        index++;
        if (index - from < 2) continue;
        // As many as go on by the same difference do continue the run, if the last of them does.
        const last = inStepUpTo(words, index, bias, loadedEnd) - 1;
        const expected = frame + (last - index) * cursor.pagesPerEntry;
        if (last < index || !continuesAt(2 * last + bias, expected)) continue;
        frame = expected + cursor.pagesPerEntry;
        index = last + 1;
      }
      this.#found += index - from;
    }
    run.count += index - from;
    run.pages += (index - from) * cursor.pagesPerEntry;
    cursor.index = index;
  }

  /** A run of the entry under the cursor, which moves on; or undefined, and the table that it names is entered. */
  #begin(cursor: Cursor, piece: Piece): OpenRun | undefined {
    const { words, level, index } = cursor;
    const firstPage = cursor.firstPage + index * cursor.pagesPerEntry;
    const page = Math.max(piece.start, firstPage);
    const run: OpenRun = {
      kind: 'hole',
      address: this.#address(page),
      pages: firstPage + cursor.pagesPerEntry - page,
      level,
      frame: 0,
      flags: 0,
      inherited: 0,
      count: 1,
      table: cursor.table,
      low: 0,
      high: 0,
      why: undefined,
    };

    if (words === undefined) {
      run.kind = 'missing';
      run.why = 'unreadable table';
      run.count = cursor.loadedEnd - index;
      run.pages += (run.count - 1) * cursor.pagesPerEntry;
      cursor.index = cursor.loadedEnd;
      this.#found += run.count;
      return run;
    }

    run.low = words[2 * index + cursor.bias]!;
    run.high = words[2 * index + cursor.bias + 1]!;
    cursor.index++;
    const kind = this.#format.kind(level, run.low, run.high);
    if (kind === EntryKind.None) return run;
    this.#found++;
    switch (kind) {
      case EntryKind.Leaf:
        run.kind = 'leaf';
        break;
      case EntryKind.NotPresentLeaf:
        run.kind = 'not-present';
        break;
      case EntryKind.Bad:
        run.kind = 'bad';
        run.why = 'reserved bits';
        return run;
      case EntryKind.Table: {
        this.#found--;
        const table = this.#format.tableAddress(level, run.low, run.high);
        const inherited = cursor.inherited | this.#format.restrictions(level, run.low, run.high);
        const found = this.#walked?.[reachedAs(level - 1, inherited)]?.get(table);
        if (found !== undefined) {
          this.#found += found;
          if (found > 0) run.kind = 'shared';
          return run;
        }
        run.why = this.#refusal(level, table);
        if (run.why !== undefined) {
          run.kind = 'bad';
          this.#found++;
          if (run.why === 'too many tables') run.pages = piece.end - page;
          return run;
        }
        this.#tablesEntered++;
        this.#onTable?.(level - 1, table, this.#address(firstPage));
        this.#enter(level - 1, table, inherited, firstPage, piece);
        return undefined;
      }
    }
    run.frame = this.#format.leafFrame(level, run.low, run.high) + (page - firstPage);
    run.flags = this.#format.flags(level, run.low, run.high);
    run.inherited = cursor.inherited;
    return run;
  }

  /** Why a table that an entry at `level` names is not entered, if it is not. */
  #refusal(level: number, table: number): WalkProblem | undefined {
    for (let above = level; above <= this.#format.levels; above++) {
      if (this.#cursors[above]!.table === table) return 'cycle';
    }
    return this.#tablesEntered >= this.#maxTables ? 'too many tables' : undefined;
  }
}

/** A number for each way in which a table can be reached: the same under other restrictions is another. */
function reachedAs(level: number, inherited: number): number {
  return 8 * level + inherited;
}

/** Where the entries end that equal the one before `index`. */
function equalUpTo(words: PageWords, index: number, bias: number, end: number): number {
  const low = words[2 * index + bias - 2]!;
  const high = words[2 * index + bias - 1]!;
  let next = index;
  while (next < end && words[2 * next + bias] === low && words[2 * next + bias + 1] === high) next++;
  return next;
}

/** Where the entries end that go on by the difference, modulo 2^64, of the two entries before `index`. */
function inStepUpTo(words: PageWords, index: number, bias: number, end: number): number {
  let at = 2 * index + bias;
  const stop = 2 * end + bias;
  let low = words[at - 2]! | 0;
  let high = words[at - 1]! | 0;
  const stepLow = (low - words[at - 4]!) | 0;
  const borrow = low >>> 0 < words[at - 4]! ? 1 : 0;
  const stepHigh = (high - words[at - 3]! - borrow) | 0;
  for (; at < stop; at += 2) {
    low = (low + stepLow) | 0;
    high = (high + stepHigh + (low >>> 0 < stepLow >>> 0 ? 1 : 0)) | 0;
    if ((words[at]! | 0) !== low || (words[at + 1]! | 0) !== high) break;
  }
  return (at - bias) / 2;
}
