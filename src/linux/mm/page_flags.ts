/** What a struct page says of its frame, as far as it bears on the direct map (include/linux/page-flags.h). */

import type { Undoable } from '../../memory/journalled.ts';
import type { Kernel } from '../kernel.ts';

/** One bit each; the values are this model's own. */
export const PG_reserved = 1 << 0;
export const PG_hwpoison = 1 << 1;
export const PG_slab = 1 << 2;
export const PG_offline = 1 << 3;
export const PG_table = 1 << 4;
/** In a range that hibernation must not save (register_nosave_region()); a bitmap of its own in the kernel. */
export const PG_nosave = 1 << 5;
/** Of memory that has no address in the direct map: the zone is the page's, not a flag, in the kernel. */
export const PG_highmem = 1 << 6;

interface FlaggedRange {
  start: number;
  end: number;
  flags: number;
}

/**
 * The flags of every frame. Boot flags whole ranges, which cost nothing; what happens later flags single frames, and
 * what was said of a frame alone overrides what was said of its range.
 */
export class PageFlags implements Undoable {
  readonly #ranges: FlaggedRange[] = [];
  readonly #single = new Map<number, number>();
  readonly #journal: ({ pfn: number; was: number | undefined } | { range: true })[] = [];

  get(pfn: number): number {
    return this.#single.get(pfn) ?? this.#ofRanges(pfn);
  }

  #ofRanges(pfn: number): number {
    let flags = 0;
    for (const range of this.#ranges) if (pfn >= range.start && pfn < range.end) flags |= range.flags;
    return flags;
  }

  set(pfn: number, flags: number): void {
    this.#change(pfn, this.get(pfn) | flags);
  }

  clear(pfn: number, flags: number): void {
    this.#change(pfn, this.get(pfn) & ~flags);
  }

  /** Flag [start, end), but for frames that have been flagged alone. */
  setRange(start: number, end: number, flags: number): void {
    this.#ranges.push({ start, end, flags });
    this.#journal.push({ range: true });
  }

  /** The frames whose flags are not those of their ranges, ascending. */
  changed(): [pfn: number, flags: number][] {
    return [...this.#single]
      .filter(([pfn, flags]) => flags !== this.#ofRanges(pfn))
      .sort((a, b) => a[0] - b[0]);
  }

  mark(): number {
    return this.#journal.length;
  }

  undo(mark: number): void {
    while (this.#journal.length > mark) {
      const entry = this.#journal.pop()!;
      if ('range' in entry) this.#ranges.pop();
      else if (entry.was === undefined) this.#single.delete(entry.pfn);
      else this.#single.set(entry.pfn, entry.was);
    }
  }

  #change(pfn: number, flags: number): void {
    const was = this.#single.get(pfn);
    if (flags === (was ?? this.get(pfn))) return;
    this.#journal.push({ pfn, was });
    this.#single.set(pfn, flags);
  }
}

export function PageReserved(k: Kernel, pfn: number): boolean {
  return (k.page_flags.get(pfn) & PG_reserved) !== 0;
}

export function SetPageReserved(k: Kernel, pfn: number): void {
  k.page_flags.set(pfn, PG_reserved);
}

export function ClearPageReserved(k: Kernel, pfn: number): void {
  k.page_flags.clear(pfn, PG_reserved);
}

export function PageHWPoison(k: Kernel, pfn: number): boolean {
  return (k.page_flags.get(pfn) & PG_hwpoison) !== 0;
}

export function SetPageHWPoison(k: Kernel, pfn: number): void {
  k.page_flags.set(pfn, PG_hwpoison);
}

export function ClearPageHWPoison(k: Kernel, pfn: number): void {
  k.page_flags.clear(pfn, PG_hwpoison);
}

export function __SetPageSlab(k: Kernel, pfn: number): void {
  k.page_flags.set(pfn, PG_slab);
}

export function __ClearPageSlab(k: Kernel, pfn: number): void {
  k.page_flags.clear(pfn, PG_slab);
}

export function PageSlab(k: Kernel, pfn: number): boolean {
  return (k.page_flags.get(pfn) & PG_slab) !== 0;
}

export function PageOffline(k: Kernel, pfn: number): boolean {
  return (k.page_flags.get(pfn) & PG_offline) !== 0;
}

export function __SetPageOffline(k: Kernel, pfn: number): void {
  k.page_flags.set(pfn, PG_offline);
}

export function PageTable(k: Kernel, pfn: number): boolean {
  return (k.page_flags.get(pfn) & PG_table) !== 0;
}

export function __SetPageTable(k: Kernel, pfn: number): void {
  k.page_flags.set(pfn, PG_table);
}

export function __ClearPageTable(k: Kernel, pfn: number): void {
  k.page_flags.clear(pfn, PG_table);
}

/** Effect: [start, end) is never the page allocator's, unless freed later. mm_init.c:766 (v6.12) */
export function reserve_bootmem_region(k: Kernel, start: number, end: number): void {
  k.page_flags.setRange(start, end, PG_reserved);
}

/** Effect: hibernation leaves [start, end) out of its image. snapshot.c:997 (v7.2) */
export function register_nosave_region(k: Kernel, start: number, end: number): void {
  k.page_flags.setRange(start, end, PG_nosave);
}

/** Whether there is RAM at the frame, so that it has a struct page. Holes inside of a memory section do not count. */
export function pfn_valid(k: Kernel, pfn: number): boolean {
  const address = pfn * k.page_size;
  if (k.machine.memory.some(({ start, end, type }) => type === 'RAM' && address >= start && address < end))
    return true;
  for (const [, { start, end }] of k.memory_blocks.entries()) if (pfn >= start && pfn < end) return true;
  return false;
}

/** include/linux/page-flags.h:580 (v7.2) */
export function PageHighMem(k: Kernel, pfn: number): boolean {
  return (k.page_flags.get(pfn) & PG_highmem) !== 0;
}
