import { JournalledMap, type Undoable } from '../../../../../memory/journalled.ts';
import type { X86MemoryType } from '../../../../../mmu/x86_64.ts';

/** A range of memory that is not RAM, with the memory type that was reserved for it. */
export interface MemtypeRange {
  start: number;
  end: number;
  type: X86MemoryType;
}

/** Which memory types have been reserved: per page of RAM (two bits of page->flags), and per range of the rest. */
export class MemtypeTable implements Undoable {
  readonly #ram = new JournalledMap<number, X86MemoryType>();
  /** By a number of their own: ranges may overlap, and be the same. */
  readonly #ranges = new JournalledMap<number, MemtypeRange>();
  #next = 0;

  /** The type of a RAM page; WB unless reserved otherwise. */
  ofPage(pfn: number): X86MemoryType {
    return this.#ram.get(pfn) ?? 'WB';
  }

  setPage(pfn: number, type: X86MemoryType): void {
    if (type === 'WB') this.#ram.delete(pfn);
    else this.#ram.set(pfn, type);
  }

  /** Pages of RAM whose type is not WB. */
  pages(): IterableIterator<[pfn: number, type: X86MemoryType]> {
    return this.#ram.entries();
  }

  overlapping(start: number, end: number): MemtypeRange[] {
    return [...this.#ranges.entries()]
      .map(([, range]) => range)
      .filter((r) => r.start < end && start < r.end);
  }

  insert(range: MemtypeRange): void {
    this.#ranges.set(this.#next++, range);
  }

  /** Takes out one such range; false if there is none. */
  erase(start: number, end: number): boolean {
    return this.#replace((range) => range.start === start && range.end === end, undefined);
  }

  /** Cuts the end off a range that reaches from before `start` to `end`; false if there is none. */
  shrink(start: number, end: number): boolean {
    return this.#replace((range) => range.start < start && range.end === end, start);
  }

  #replace(wanted: (range: MemtypeRange) => boolean, end: number | undefined): boolean {
    for (const [key, range] of this.#ranges.entries()) {
      if (!wanted(range)) continue;
      if (end === undefined) this.#ranges.delete(key);
      else this.#ranges.set(key, { ...range, end });
      return true;
    }
    return false;
  }

  mark(): number {
    return this.#ram.mark() * 2 ** 26 + this.#ranges.mark();
  }

  undo(mark: number): void {
    this.#ram.undo(Math.floor(mark / 2 ** 26));
    this.#ranges.undo(mark % 2 ** 26);
  }
}
