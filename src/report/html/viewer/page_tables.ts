/** Walks the page tables that are in a report, as the machine that they are from would. */

import type {
  EntryKindSnapshot,
  TableSnapshot,
  TablesSnapshot,
} from '../../../inspect/snapshot/report_snapshot.ts';

/** One entry on the way from the root to a translation. */
export interface Step {
  readonly levelName: string;
  readonly level: number;
  readonly index: number;
  /** Physical address of the entry. */
  readonly entryAddress: number;
  /** All 64 bits; undefined where the source does not have them. */
  readonly raw: bigint | undefined;
  readonly kind: EntryKindSnapshot['kind'];
  readonly names: readonly string[];
  readonly why: string | undefined;
  /** Physical address of the table that it names. */
  readonly table: number | undefined;
}

/** What an address is translated to, or would be if the entry were present. */
export interface Translation {
  readonly present: boolean;
  /** Bytes of the leaf. */
  readonly bytes: number;
  readonly frame: number;
  /** In short, with what the tables above take away: "rw nx", "ro x UC". */
  readonly access: string;
  readonly user: boolean;
}

export interface Walk {
  readonly steps: readonly Step[];
  readonly translation: Translation | undefined;
  /** Why the walk stops before its end, or does not begin. */
  readonly stopped: string | undefined;
}

/** Restriction bits of src/mmu/format.ts. */
const NO_WRITE = 1;
const NO_EXECUTE = 2;
const NO_USER = 4;

const ALL = 1n << 64n;

export class PageTables {
  readonly #data: TablesSnapshot;
  readonly #usualMemoryType: string;
  readonly #pageBytes: number;
  readonly #tables = new Map<string, TableSnapshot>();

  constructor(data: TablesSnapshot, pageBytes: number, usualMemoryType: string) {
    this.#data = data;
    this.#pageBytes = pageBytes;
    this.#usualMemoryType = usualMemoryType;
    for (const table of data.tables) this.#tables.set(`${table.level} ${table.at}`, table);
  }

  /** Whether the tables of this address, of 64 bits unsigned, are of those that were read. */
  has(address: bigint): boolean {
    return BigInt(this.#data.start) <= address && address < BigInt(this.#data.end);
  }

  walk(address: bigint): Walk {
    const steps: Step[] = [];
    const stop = (stopped: string): Walk => ({ steps, translation: undefined, stopped });
    if (!this.#isCanonical(address)) return stop('The address is not canonical: no table translates it.');
    if (!this.has(address))
      return stop("The address is not the kernel's: its tables are not in this report.");
    const entered: number[] = [];
    let restrictions = 0;
    let at = this.#data.tables[0]?.at;
    for (const { level, name, indexBits, shift } of this.#data.levels) {
      const table = at === undefined ? undefined : this.#tables.get(`${level} ${at}`);
      if (table === undefined) {
        return stop(`The ${name} tables are not in this report: there are too many of them for one file.`);
      }
      entered.push(table.at);
      const index = Number((address >> BigInt(shift)) & ((1n << BigInt(indexBits)) - 1n));
      const step = this.#stepAt(table, index, { level, name, shift });
      at = step.table;
      if (at !== undefined && entered.includes(at)) {
        steps.push({ ...step, kind: 'bad', why: 'cycle' });
        return stop('A table names itself or one above it.');
      }
      steps.push(step);
      if (step.kind === 'leaf' || step.kind === 'not-present') {
        const translation = this.#translate(step, address, restrictions);
        return { steps, translation, stopped: undefined };
      }
      if (step.kind !== 'table') return { steps, translation: undefined, stopped: undefined };
      restrictions |= step.found?.restrictions ?? 0;
    }
    return { steps, translation: undefined, stopped: undefined };
  }

  #isCanonical(address: bigint): boolean {
    const { levels, signExtended } = this.#data;
    if (!signExtended || levels[0] === undefined) return true;
    const half = 1n << BigInt(levels[0].shift + levels[0].indexBits - 1);
    return address < half || address >= ALL - half;
  }

  #stepAt(
    { at, runs }: TableSnapshot,
    index: number,
    { level, name, shift }: { level: number; name: string; shift: number },
  ): FoundStep {
    const step = { levelName: name, level, index, entryAddress: at + index * 8, shift };
    const run = findRun(runs, index);
    const found = run === undefined ? undefined : this.#data.kinds[runs[run + 2]!];
    if (run === undefined || found === undefined) {
      const none = { raw: 0n, kind: 'hole', names: [], why: undefined, table: undefined } as const;
      return { ...step, ...none, value: 0, found: undefined };
    }
    const { kind, names, why, base, scale } = found;
    const isLeaf = kind === 'leaf' || kind === 'not-present';
    const growth = isLeaf ? 2 ** shift / this.#pageBytes : 0;
    const value = runs[run + 3]! + (index - runs[run]!) * growth;
    const raw = kind === 'missing' ? undefined : BigInt.asUintN(64, BigInt(base) + BigInt(value * scale));
    const table = kind === 'table' ? value : undefined;
    return { ...step, raw, kind, names, why, table, value, found };
  }

  #translate({ found, kind, value, shift }: FoundStep, address: bigint, restrictions: number): Translation {
    const bytes = 2 ** shift;
    const may = found?.allows;
    const writable = may?.writable === true && (restrictions & NO_WRITE) === 0;
    const executable = may?.executable === true && (restrictions & NO_EXECUTE) === 0;
    const type = may?.memoryType ?? this.#usualMemoryType;
    const inside = Math.floor(Number(address & BigInt(bytes - 1)) / this.#pageBytes);
    return {
      present: kind === 'leaf',
      bytes,
      frame: value + inside,
      access: `${writable ? 'rw' : 'ro'} ${executable ? 'x' : 'nx'}${type === this.#usualMemoryType ? '' : ` ${type}`}`,
      user: may?.user === true && (restrictions & NO_USER) === 0,
    };
  }
}

interface FoundStep extends Step {
  readonly shift: number;
  readonly value: number;
  readonly found: EntryKindSnapshot | undefined;
}

/** Where the run of an index begins in the list of runs, four numbers each, in ascending order. */
function findRun(runs: readonly number[], index: number): number | undefined {
  let low = 0;
  let high = runs.length / 4;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (runs[middle * 4]! <= index) low = middle + 1;
    else high = middle;
  }
  const at = (low - 1) * 4;
  return at >= 0 && index < runs[at]! + runs[at + 1]! ? at : undefined;
}
