/** An address space in page tables of which one knows where they are and how they are read: those of a model, for one. */

import type { PageSource } from '../memory/physical_memory.ts';
import type { EntryFormat } from '../mmu/format.ts';
import { type AddressRange, walk } from '../mmu/walk.ts';
import type { AddressSpace, DirectMap, Region, Stretch } from './address_space.ts';
import { LeafKinds, MAX_KINDS } from './leaf_kinds.ts';

export interface KnownTables {
  readonly arch: string;
  readonly tables: PageSource;
  readonly format: EntryFormat;
  /** Physical address of the top table. */
  readonly root: number;
  readonly directMap: DirectMap;
}

/** Reads the direct map alone. */
export class TableSpace implements AddressSpace {
  readonly arch: string;
  readonly format: EntryFormat;
  readonly directMap: DirectMap;
  readonly regions: readonly Region[];
  readonly #tables: PageSource;
  readonly #root: number;
  readonly #kinds: LeafKinds;

  constructor({ arch, tables, format, root, directMap }: KnownTables) {
    this.arch = arch;
    this.format = format;
    this.directMap = directMap;
    this.regions = [{ name: 'direct map', start: directMap.start, end: directMap.end }];
    this.#tables = tables;
    this.#root = root;
    this.#kinds = new LeafKinds(format, () => new Error(`more than ${MAX_KINDS} kinds of leaves`));
  }

  get pageBytes(): number {
    return 2 ** this.format.pageShift;
  }

  get usualMemoryType(): string {
    return this.format.usualMemoryType;
  }

  *stretches(range: AddressRange = this.directMap): Generator<Stretch> {
    for (const run of walk(this.#tables, this.format, this.#root, { range, sharedOnce: true })) {
      yield this.#kinds.stretchOf(run);
    }
  }
}
