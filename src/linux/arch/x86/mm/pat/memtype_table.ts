import { JournalledMap, type Undoable } from '../../../../../memory/journalled.ts';
import type { MemoryType } from '../../../../../mmu/format.ts';

/** A range of memory that is not RAM, with the memory type that was reserved for it. */
export interface MemtypeRange {
  start: number;
  end: number;
  type: MemoryType;
}

/** Which memory types have been reserved: per page of RAM (two bits of page->flags), and per range of the rest. */
export class MemtypeTable implements Undoable {
  readonly #ram = new JournalledMap<number, MemoryType>();
  readonly #ranges = new JournalledMap<string, MemtypeRange>();

  /** The type of a RAM page; WB unless reserved otherwise. */
  ofPage(pfn: number): MemoryType {
    return this.#ram.get(pfn) ?? 'WB';
  }

  setPage(pfn: number, type: MemoryType): void {
    if (type === 'WB') this.#ram.delete(pfn);
    else this.#ram.set(pfn, type);
  }

  overlapping(start: number, end: number): MemtypeRange[] {
    return [...this.#ranges.entries()]
      .map(([, range]) => range)
      .filter((r) => r.start < end && start < r.end);
  }

  insert(range: MemtypeRange): void {
    this.#ranges.set(`${range.start}-${range.end}`, range);
  }

  /** Whether exactly this range was there. */
  erase(start: number, end: number): boolean {
    const key = `${start}-${end}`;
    const had = this.#ranges.has(key);
    this.#ranges.delete(key);
    return had;
  }

  mark(): number {
    return this.#ram.mark() * 2 ** 26 + this.#ranges.mark();
  }

  undo(mark: number): void {
    this.#ram.undo(Math.floor(mark / 2 ** 26));
    this.#ranges.undo(mark % 2 ** 26);
  }
}
