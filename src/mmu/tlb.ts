import type { Undoable } from '../memory/journalled.ts';
import type { VirtualAddress } from './format.ts';

/** A translation that a CPU holds: the leaf as it was when it was loaded. */
export interface CachedTranslation {
  level: number;
  low: number;
  high: number;
  /** First address that the leaf maps, and how many bytes. */
  address: VirtualAddress;
  bytes: number;
}

type JournalEntry = { cpu: number; key: VirtualAddress; was: CachedTranslation | undefined };

/**
 * Per CPU, the translations that may still be in its TLB.
 *
 * A translation is loaded by an access and stays until a flush that covers it on that CPU: the longest that hardware
 * may keep it. With it one sees which accesses succeed through an entry that the tables no longer have.
 * Large leaves are kept per page accessed, which is what matters to who reads what.
 */
export class Tlb implements Undoable {
  readonly #cpus: Map<VirtualAddress, CachedTranslation>[];
  readonly #pageBytes: number;
  readonly #journal: JournalEntry[] = [];

  constructor(cpus: number, pageBytes = 4096) {
    this.#cpus = Array.from({ length: cpus }, () => new Map());
    this.#pageBytes = pageBytes;
  }

  /** What `cpu` holds for the page of `address`. */
  lookup(cpu: number, address: VirtualAddress): CachedTranslation | undefined {
    return this.#cpus[cpu]!.get(this.#page(address));
  }

  /** `cpu` loads a translation, as an access does. */
  fill(cpu: number, address: VirtualAddress, translation: CachedTranslation): void {
    this.#set(cpu, this.#page(address), translation);
  }

  /** Drop one page's translation, on one CPU or on all. */
  flushPage(cpu: number | 'all', address: VirtualAddress): void {
    this.#each(cpu, (each) => {
      this.#set(each, this.#page(address), undefined);
    });
  }

  /** Drop everything, on one CPU or on all. */
  flushAll(cpu: number | 'all'): void {
    this.#each(cpu, (each) => {
      for (const key of [...this.#cpus[each]!.keys()]) this.#set(each, key, undefined);
    });
  }

  /** Every translation held, for who wants to compare them with the tables. */
  *held(): Generator<{ cpu: number; page: VirtualAddress; translation: CachedTranslation }> {
    for (const [cpu, pages] of this.#cpus.entries()) {
      for (const [page, translation] of pages) yield { cpu, page, translation };
    }
  }

  mark(): number {
    return this.#journal.length;
  }

  undo(mark: number): void {
    while (this.#journal.length > mark) {
      const { cpu, key, was } = this.#journal.pop()!;
      if (was === undefined) this.#cpus[cpu]!.delete(key);
      else this.#cpus[cpu]!.set(key, was);
    }
  }

  #each(cpu: number | 'all', action: (cpu: number) => void): void {
    if (cpu === 'all') for (let each = 0; each < this.#cpus.length; each++) action(each);
    else action(cpu);
  }

  #set(cpu: number, key: VirtualAddress, translation: CachedTranslation | undefined): void {
    const pages = this.#cpus[cpu]!;
    const was = pages.get(key);
    if (was === translation) return;
    this.#journal.push({ cpu, key, was });
    if (translation === undefined) pages.delete(key);
    else pages.set(key, translation);
  }

  #page(address: VirtualAddress): VirtualAddress {
    return Math.floor(address / this.#pageBytes) * this.#pageBytes;
  }
}
