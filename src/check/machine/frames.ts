/**
 * Where an explored machine's pages come from, so that equal mappings are equal states: a page table lies in a frame
 * named by what it is for, and what is not a page table is the lowest free page of the explored ones.
 *
 * Which frames are taken is noted in the machine's own memory, at addresses that no RAM has: it is undone, hashed and
 * watched with the rest.
 */

import type { FrameAllocator, FrameBook, FrameRange, FreeProblem } from '../../linux/mm/frame_allocator.ts';
import { PAGE_TABLE_OWNER } from '../../linux/mm/frame_allocator.ts';
import type { TablePurpose } from '../../linux/task.ts';
import type { SimulatedMemory } from '../../memory/simulated_memory.ts';

/** Physical address of the note on frame 0. */
const BOOK = 2 ** 50;

/** What memory is kept in. */
const FRAME_SIZE = 4096;
/** First frame of those for tables larger than a page, beyond all others. */
const BLOCKS = 2 ** 30;
const LARGEST_BLOCK = 16;

const TAKEN = 1;
/** What a note says of a frame that was given back. */
export const GIVEN_BACK = 2;

export interface FramePools {
  /** Explored pages, ascending. */
  pages: readonly number[];
  /** Frames for page tables. */
  tables: Iterator<number>;
  /** Whether the explored pages are free. */
  pagesFree: boolean;
  /** 4096 if not given. */
  page_size?: number;
}

export class NamedFrames implements FrameAllocator {
  readonly #memory: SimulatedMemory;
  readonly #pools: FramePools;
  readonly #names = new Map<string, number>();
  readonly #purposes = new Map<number, TablePurpose>();
  readonly #explored: ReadonlySet<number>;
  #blocks = 0;

  constructor(memory: SimulatedMemory, pools: FramePools) {
    this.#memory = memory;
    this.#pools = pools;
    this.#explored = new Set(pools.pages);
  }

  allocate(order: number, purpose: TablePurpose | undefined): number | undefined {
    if (purpose === undefined) return this.#allocatePages(order);
    for (let attempt = 0; ; attempt++) {
      const frame = order === 0 ? this.#named(purpose, attempt) : this.#namedBlock(purpose, order, attempt);
      if (frame === undefined) return undefined;
      if (this.#note(frame) === TAKEN) continue;
      this.#write(frame, TAKEN);
      return frame;
    }
  }

  free(pfn: number, order: number): void {
    for (let page = pfn; page < pfn + 2 ** order; page++) {
      if (!this.#explored.has(page)) this.#clear(page);
      this.#write(page, GIVEN_BACK);
    }
  }

  /** Nobody gets it again: it stays taken. */
  lose(): void {}

  /** What the frame's table is for, if a purpose has named it. */
  purposeOf(pfn: number): TablePurpose | undefined {
    return this.#purposes.get(pfn);
  }

  /** The frame that the note at an address is on, or undefined if no note is there. */
  static frameOfNote(address: number): number | undefined {
    return address >= BOOK && address < BOOK * 2 ? (address - BOOK) / 8 : undefined;
  }

  /** The address of the note on a frame, whose low half is GIVEN_BACK when the frame was given back. */
  static noteOn(pfn: number): number {
    return BOOK + pfn * 8;
  }

  /** Whether `pfn` was given back, so that nobody should look at it. */
  wasGivenBack(pfn: number): boolean {
    return this.#note(pfn) === GIVEN_BACK;
  }

  mark(): number {
    return 0;
  }

  undo(): void {}

  readonly book: FrameBook = {
    isFree: (pfn) => this.#isFree(pfn),
    isGuard: () => false,
    ownerOf: (pfn) =>
      this.#note(pfn) !== TAKEN ? undefined : this.#explored.has(pfn) ? 'page' : PAGE_TABLE_OWNER,
    problemFreeing: (pfn, order) => this.#problemFreeing(pfn, order),
    freeRanges: () => this.#freeRanges(),
    heldFrames: () => this.#pools.pages.filter((pfn) => !this.#isFree(pfn)),
    adopt: (pfn) => {
      this.#write(pfn, TAKEN);
      return true;
    },
    split: () => {},
  };

  #isFree(pfn: number): boolean {
    if (!this.#explored.has(pfn)) return false;
    const note = this.#note(pfn);
    return note === GIVEN_BACK || (note === 0 && this.#pools.pagesFree);
  }

  #problemFreeing(pfn: number, order: number): FreeProblem | undefined {
    if (this.#isFree(pfn) || this.#note(pfn) === GIVEN_BACK) return { code: 'already-free', pfn, order };
    const known = this.#note(pfn) === TAKEN || this.#explored.has(pfn);
    return known ? undefined : { code: 'not-allocated', pfn, order };
  }

  *#freeRanges(): Iterable<FrameRange> {
    for (const pfn of this.#pools.pages) if (this.#isFree(pfn)) yield { start: pfn, end: pfn + 1 };
  }

  #allocatePages(order: number): number | undefined {
    const size = 2 ** order;
    for (const pfn of this.#pools.pages) {
      if (pfn % size !== 0) continue;
      const block = Array.from({ length: size }, (_, i) => pfn + i);
      if (!block.every((page) => this.#isFree(page))) continue;
      for (const page of block) this.#write(page, TAKEN);
      return pfn;
    }
    return undefined;
  }

  #clear(pfn: number): void {
    const frames = (this.#pools.page_size ?? FRAME_SIZE) / FRAME_SIZE;
    for (let i = 0; i < frames; i++) this.#memory.clearPage(pfn * frames + i);
  }

  /** The first of 2^order frames for a purpose: of none that single tables get. */
  #namedBlock({ level, address }: TablePurpose, order: number, attempt: number): number {
    const name = `${level} ${address} ${attempt} of ${order}`;
    const pfn = this.#names.get(name) ?? BLOCKS + this.#blocks++ * LARGEST_BLOCK;
    this.#names.set(name, pfn);
    this.#purposes.set(pfn, { level, address });
    return pfn;
  }

  /** The frame for a purpose; a second one for whoever wants one meanwhile, and so on. */
  #named({ level, address }: TablePurpose, attempt: number): number | undefined {
    const name = `${level} ${address} ${attempt}`;
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    const next = this.#pools.tables.next();
    if (next.done === true) return undefined;
    this.#names.set(name, next.value);
    this.#purposes.set(next.value, { level, address });
    return next.value;
  }

  #note(pfn: number): number {
    return this.#memory.low(BOOK + pfn * 8);
  }

  #write(pfn: number, note: number): void {
    this.#memory.write(BOOK + pfn * 8, note, 0);
  }
}
