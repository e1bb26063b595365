/**
 * Makes page tables into plain data, from which any address can be walked where the machine is not at hand and its
 * architecture not known.
 */

import { PAGE_SIZE, type PageSource } from '../../memory/physical_memory.ts';
import { type EntryFormat, EntryKind } from '../../mmu/format.ts';
import { type AddressRange, KIND_NAMES } from '../../mmu/walk.ts';
import type { EntryKindSnapshot, LevelSnapshot, TableSnapshot, TablesSnapshot } from './report_snapshot.ts';

/** What is to be made into data: the tables under a root, as far as they map `space`. */
export interface TableTree {
  readonly format: EntryFormat;
  readonly root: number;
  readonly tables: PageSource;
  readonly space: AddressRange;
}

/** At most `maxRuns` runs and kinds together: level by level, and no level in part. */
export function snapshotTables(tree: TableTree, maxRuns: number): TablesSnapshot {
  const { format, space } = tree;
  const reader = new TableReader(tree, maxRuns);
  const kept: TableSnapshot[] = [];
  let wanted: ReadonlySet<number> = new Set([tree.root]);
  let omittedFrom = 0;
  for (let level = format.levels; level >= 1 && omittedFrom === 0; level--) {
    const found = reader.readLevel(level, wanted);
    if (found === undefined) omittedFrom = level;
    else kept.push(...found.tables);
    wanted = found?.children ?? wanted;
  }
  return {
    levels: Array.from({ length: format.levels }, (_, above) => levelOf(format, format.levels - above)),
    signExtended: format.signExtended,
    start: hex(unsigned(space.start)),
    end: hex(unsigned(space.end) || 1n << 64n),
    kinds: reader.kinds,
    tables: kept,
    omittedFrom,
  };
}

function levelOf(format: EntryFormat, level: number): LevelSnapshot {
  const indexBits = format.indexBits(level);
  return { level, name: format.levelName(level), indexBits, shift: format.levelShift(level) };
}

/** A run while it is read. `stepLow` and `stepHigh` are what is added to an entry to make the next one. */
interface OpenRun {
  readonly index: number;
  count: number;
  readonly kind: EntryKind;
  readonly kindNumber: number;
  readonly value: number;
  readonly pages: number;
  readonly stepLow: number;
  readonly stepHigh: number;
  low: number;
  high: number;
}

class TableReader {
  readonly kinds: EntryKindSnapshot[] = [];
  readonly #tree: TableTree;
  readonly #maxRuns: number;
  readonly #numbers = new Map<string, number>();
  readonly #seen = new Set<string>();
  #runs = 0;

  constructor(tree: TableTree, maxRuns: number) {
    this.#tree = tree;
    this.#maxRuns = maxRuns;
  }

  /** The tables of a level, and those that they name; undefined if they are too many. */
  readLevel(
    level: number,
    wanted: ReadonlySet<number>,
  ): { tables: TableSnapshot[]; children: Set<number> } | undefined {
    const tables: TableSnapshot[] = [];
    const children = new Set<number>();
    const kindsBefore = this.kinds.length;
    if (this.#runs + wanted.size > this.#maxRuns) return undefined;
    for (const at of wanted) {
      const runs = this.#readTable(level, at, children);
      this.#runs += runs.length / 4;
      if (this.#runs + this.kinds.length > this.#maxRuns) {
        this.kinds.length = kindsBefore;
        return undefined;
      }
      tables.push({ at, level, runs });
    }
    return { tables, children };
  }

  #readTable(level: number, at: number, children: Set<number>): number[] {
    const { format, tables } = this.#tree;
    const runs: number[] = [];
    let open: OpenRun | undefined;
    const close = () => {
      if (open !== undefined) runs.push(open.index, open.count, open.kindNumber, open.value);
      open = undefined;
    };
    const [first, end] = this.#indexes(level);
    for (let index = first; index < end; ) {
      const inPage = (at + index * 8) % PAGE_SIZE;
      const words = tables.readPage(Math.floor((at + index * 8) / PAGE_SIZE));
      const pageEnd = Math.min(end, index + (PAGE_SIZE - inPage) / 8);
      if (words === undefined) {
        close();
        runs.push(index, pageEnd - index, this.#missing(level), 0);
        index = pageEnd;
        continue;
      }
      for (let word = inPage >>> 2; index < pageEnd; index++, word += 2) {
        const low = words[word]!;
        const high = words[word + 1]!;
        if (open !== undefined && goesOn(format, level, open, low, high)) continue;
        close();
        const kind = format.kind(level, low, high);
        if (kind === EntryKind.None && low === 0 && high === 0) continue;
        if (kind === EntryKind.Table) children.add(format.tableAddress(level, low, high));
        open = this.#begin(level, index, kind, low, high);
      }
    }
    close();
    return runs;
  }

  /** Which entries of a table there are to read: of the root, those that map a part of the space. */
  #indexes(level: number): [number, number] {
    const { format, space } = this.#tree;
    const entries = 2 ** format.indexBits(level);
    if (level < format.levels) return [0, entries];
    const size = 1n << BigInt(format.levelShift(level));
    const mask = BigInt(entries) - 1n;
    const last = (unsigned(space.end) || 1n << 64n) - 1n;
    const covers = last - unsigned(space.start) >= size * mask;
    return covers
      ? [0, entries]
      : [Number((unsigned(space.start) / size) & mask), Number((last / size) & mask) + 1];
  }

  #begin(level: number, index: number, kind: EntryKind, low: number, high: number): OpenRun {
    const { format } = this.#tree;
    const isLeaf = kind === EntryKind.Leaf || kind === EntryKind.NotPresentLeaf;
    const value = isLeaf
      ? format.leafFrame(level, low, high)
      : kind === EntryKind.Table
        ? format.tableAddress(level, low, high)
        : 0;
    const kindNumber = this.#kindNumber(level, kind, low, high, value);
    const pages = isLeaf ? 2 ** (format.levelShift(level) - format.pageShift) : 0;
    const step = BigInt.asUintN(64, BigInt(pages * this.kinds[kindNumber]!.scale));
    return {
      index,
      count: 1,
      kind,
      kindNumber,
      value,
      pages,
      stepLow: Number(step & 0xffff_ffffn),
      stepHigh: Number(step >> 32n),
      low,
      high,
    };
  }

  /** The kind with the base that is known already by one of the possible scales, or else a new one by the first. */
  #kindNumber(level: number, kind: EntryKind, low: number, high: number, value: number): number {
    const raw = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
    const candidates = this.#scales(kind).map((scale) => {
      const base = BigInt.asUintN(64, raw - BigInt(value * scale));
      return { scale, base, key: `${level} ${kind} ${base} ${scale}` };
    });
    const known = candidates.find(({ key }) => this.#numbers.has(key));
    if (known !== undefined) return this.#numbers.get(known.key)!;
    const { key, base, scale } = candidates.find((each) => this.#seen.has(each.key)) ?? candidates[0]!;
    for (const each of candidates) this.#seen.add(each.key);
    this.#numbers.set(key, this.kinds.length);
    return this.kinds.push(this.#describe(level, kind, low, high, { base: hex(base), scale })) - 1;
  }

  #scales(kind: EntryKind): readonly number[] {
    const page = 2 ** this.#tree.format.pageShift;
    // Of a page as it is, inverted, and shifted by two bits as on RISC-V.
    if (kind === EntryKind.Leaf || kind === EntryKind.NotPresentLeaf) return [page, -page, page / 4];
    return kind === EntryKind.Table ? [1, 1 / 4] : [0];
  }

  #describe(
    level: number,
    kind: EntryKind,
    low: number,
    high: number,
    how: { base: string; scale: number },
  ): EntryKindSnapshot {
    const { format } = this.#tree;
    const all = { kind: KIND_NAMES[kind], level, names: format.describe(level, low, high), ...how };
    if (kind === EntryKind.Bad) return { ...all, why: 'reserved bits' };
    if (kind === EntryKind.Table) return { ...all, restrictions: format.restrictions(level, low, high) };
    if (kind === EntryKind.None) return all;
    const flags = format.flags(level, low, high);
    return {
      ...all,
      allows: {
        writable: format.writable(level, flags),
        executable: format.executable(level, flags),
        user: format.user(level, flags),
        memoryType: format.memoryType(level, flags),
      },
    };
  }

  #missing(level: number): number {
    const key = `${level} missing`;
    let number = this.#numbers.get(key);
    if (number === undefined) {
      const why = 'unreadable table';
      number = this.kinds.push({ kind: 'missing', level, names: [], base: '0x0', scale: 0, why }) - 1;
      this.#numbers.set(key, number);
    }
    return number;
  }
}

/** Takes the entry into the run, if it is what the run goes on with: of all but leaves, one that is the same. */
function goesOn(format: EntryFormat, level: number, run: OpenRun, low: number, high: number): boolean {
  const nextLow = (run.low + run.stepLow) >>> 0;
  const carry = nextLow < run.stepLow ? 1 : 0;
  if (low !== nextLow || high !== (run.high + run.stepHigh + carry) >>> 0) return false;
  if (format.kind(level, low, high) !== run.kind) return false;
  if (run.pages > 0 && format.leafFrame(level, low, high) !== run.value + run.count * run.pages) return false;
  run.low = low;
  run.high = high;
  run.count++;
  return true;
}

function unsigned(address: number): bigint {
  return BigInt.asUintN(64, BigInt(address));
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`;
}
