import type { PageSource } from '../memory/physical_memory.ts';
import type { ChangedWord } from '../memory/simulated_memory.ts';
import { type EntryFormat, EntryKind, type VirtualAddress } from './format.ts';
import { type AddressRange, walk } from './walk.ts';

/** Where an entry hangs in the tree of tables. */
export interface EntryPlace {
  level: number;
  /** First address that the entry maps. */
  address: VirtualAddress;
  /** Whether its table came into being since the index was last brought up to date. */
  isNew: boolean;
}

interface Table {
  level: number;
  address: VirtualAddress;
  isNew: boolean;
}

/** How large tables are, and how aligned: of 64K pages or powerpc's top one, s390's, everybody's, and the halves of s390. */
const TABLE_BYTES = [65536, 16384, 4096, 2048, 256];

/** From the physical address of an entry to its level and the virtual address that it maps. */
export class TableIndex {
  readonly #source: PageSource;
  readonly #format: EntryFormat;
  readonly #tables = new Map<number, Table>();

  constructor(source: PageSource, format: EntryFormat, root: number, range?: AddressRange) {
    this.#source = source;
    this.#format = format;
    const onTable = (level: number, table: number, address: VirtualAddress) => {
      if (!this.#tables.has(table)) this.#tables.set(table, { level, address, isNew: false });
    };
    for (const _run of walk(source, format, root, range === undefined ? { onTable } : { onTable, range })) {
      // The tables are all that is wanted.
    }
  }

  /** Take in the tables that `changed` words have linked, and forget that older ones were new. */
  update(changed: readonly ChangedWord[]): void {
    for (const table of this.#tables.values()) table.isNew = false;
    let pending = [...changed];
    for (let found = true; found; ) {
      found = false;
      const later: ChangedWord[] = [];
      for (const word of pending) {
        const place = this.placeOf(word.address);
        if (place === undefined) later.push(word);
        else if (place.level > 1 && this.#link(place, word.low, word.high)) found = true;
      }
      pending = later;
    }
  }

  placeOf(entry: number): EntryPlace | undefined {
    for (const bytes of TABLE_BYTES) {
      const start = Math.floor(entry / bytes) * bytes;
      const table = this.#tables.get(start);
      const index = (entry - start) / 8;
      if (table === undefined || index >= 2 ** this.#format.indexBits(table.level)) continue;
      return { level: table.level, address: this.#addressOf(table, index), isNew: table.isNew };
    }
    return undefined;
  }

  #addressOf({ level, address }: Table, index: number): VirtualAddress {
    const offset = index * 2 ** this.#format.levelShift(level);
    if (level < this.#format.levels || !this.#format.signExtended) return address + offset;
    const entries = 2 ** this.#format.indexBits(level);
    return index < entries / 2 ? offset : offset - entries * 2 ** this.#format.levelShift(level);
  }

  /** Register the table that an entry names, and those below it; false if there is nothing new. */
  #link(place: EntryPlace, low: number, high: number): boolean {
    if (this.#format.kind(place.level, low, high) !== EntryKind.Table) return false;
    const table = this.#format.tableAddress(place.level, low, high);
    const level = place.level - 1;
    const known = this.#tables.get(table);
    if (known?.level === level && known.address === place.address) return false;
    this.#tables.set(table, { level, address: place.address, isNew: true });
    if (level === 1) return true;
    for (let index = 0; index < 2 ** this.#format.indexBits(level); index++) {
      const entry = table + 8 * index;
      const page = this.#source.readPage(Math.floor(entry / 4096));
      const at = (entry % 4096) >>> 2;
      const address = place.address + index * 2 ** this.#format.levelShift(level);
      this.#link({ level, address, isNew: true }, page?.[at] ?? 0, page?.[at + 1] ?? 0);
    }
    return true;
  }
}
