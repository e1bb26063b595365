/**
 * Walking the kernel's own tables with a callback per level (mm/pagewalk.c), as far as init_mm goes: it has no VMA.
 *
 * Levels that are folded away are left out: the top table's entries go to the callback of their own level alone.
 */

import { NotModelledError } from '../../errors.ts';
import { EntryKind, hexAddress, type VirtualAddress } from '../../mmu/format.ts';
import { EINVAL } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task.ts';
import { before_read } from './entry.ts';
import { addr_end, entry_in, entry_leaf, entry_none, entry_present, table_of } from './pgtable.ts';

/** What a callback tells the walk. */
export interface mm_walk {
  /** Set to CONTINUE, it keeps the walk from going below the entry. */
  action: 'SUBTREE' | 'CONTINUE';
}

/** Called with the physical address of an entry, and the part of [start, end) that it maps. Not 0 ends the walk. */
export type EntryCallback = (
  entry: number,
  addr: VirtualAddress,
  next: VirtualAddress,
  walk: mm_walk,
) => Task<number>;

/** Those that are left out are not missed. Tables below the lowest level that has one are not looked at. */
export interface mm_walk_ops {
  pgd_entry?: EntryCallback;
  p4d_entry?: EntryCallback;
  pud_entry?: EntryCallback;
  pmd_entry?: EntryCallback;
  pte_entry?: EntryCallback;
  /** Nothing is there; not called for single PTEs. */
  pte_hole?: (addr: VirtualAddress, next: VirtualAddress) => Task<number>;
}

/** A walk under way. */
interface Walk {
  readonly k: Kernel;
  readonly ops: mm_walk_ops;
  /** By level, from 1. */
  readonly callbacks: readonly (EntryCallback | undefined)[];
  /** The lowest level that has a callback. */
  readonly lowest: number;
}

const PTE = 1;
const PUD = 3;

/**
 * Effect: none but pte_hole's, for the whole range: init_mm has no VMA, and tables outside of VMAs are not looked at.
 * Caller's duty: to hold init_mm.mmap_lock. Failure: -EINVAL for an empty range, or what the callback returns. :379
 * (v5.10)
 */
export function* walk_page_range(
  _k: Kernel,
  start: VirtualAddress,
  end: VirtualAddress,
  ops: mm_walk_ops,
): Task<number> {
  if (start >= end) return -EINVAL;
  return ops.pte_hole === undefined ? 0 : yield* ops.pte_hole(start, end);
}

/**
 * Effect: every entry for [start, end) is shown to its level's callback, and then what is below it, unless it is a
 * leaf or not present. Caller's duty: to hold init_mm.mmap_lock, for writing. Failure: as below. :443 (v5.10)
 */
export function* walk_page_range_novma(
  k: Kernel,
  start: VirtualAddress,
  end: VirtualAddress,
  ops: mm_walk_ops,
): Task<number> {
  return yield* walk_kernel_page_table_range_lockless(k, start, end, ops);
}

/** As above; the lock need only be held for reading. :623 (v7.2) */
export function* walk_kernel_page_table_range(
  k: Kernel,
  start: VirtualAddress,
  end: VirtualAddress,
  ops: mm_walk_ops,
): Task<number> {
  return yield* walk_kernel_page_table_range_lockless(k, start, end, ops);
}

/**
 * Effect: as above, without a lock. Caller's duty: nobody else edits the range. Failure: -EINVAL for an empty range,
 * or the first value that is not 0 from a callback. :646 (v7.2)
 */
export function* walk_kernel_page_table_range_lockless(
  k: Kernel,
  start: VirtualAddress,
  end: VirtualAddress,
  ops: mm_walk_ops,
): Task<number> {
  if (start >= end) return -EINVAL;
  const { pte_entry, pmd_entry, pud_entry, p4d_entry, pgd_entry } = ops;
  const callbacks = [undefined, pte_entry, pmd_entry, pud_entry, p4d_entry, pgd_entry];
  const lowest = callbacks.findIndex((callback) => callback !== undefined);
  return yield* walk_range({ k, ops, callbacks, lowest }, k.root, k.format.levels, start, end);
}

/** walk_pgd_range() and, a level down each, those that it calls, to walk_pmd_range(). :61 to :230 (v5.10) */
function* walk_range(
  w: Walk,
  table: number,
  level: number,
  start: VirtualAddress,
  end: VirtualAddress,
): Task<number> {
  if (level === PTE) return yield* walk_pte_range(w, table, start, end);
  for (let addr = start; addr < end; ) {
    const next = addr_end(w.k, level, addr, end);
    const err = yield* walk_entry(w, entry_in(w.k, table, level, addr), level, addr, next);
    if (err !== 0) return err;
    addr = next;
  }
  return 0;
}

function* walk_entry(
  w: Walk,
  entry: number,
  level: number,
  addr: VirtualAddress,
  next: VirtualAddress,
): Task<number> {
  const { k, ops } = w;
  yield* before_read(k, entry);
  if (entry_none(k, entry, level)) return ops.pte_hole === undefined ? 0 : yield* ops.pte_hole(addr, next);
  if (level > PUD && !entry_present(k, entry, level))
    throw new NotModelledError(
      `${k.format.levelName(level)} entry at ${hexAddress(addr)}`,
      'a walk clears a bad entry',
    );
  const walk: mm_walk = { action: 'SUBTREE' };
  const callback = w.callbacks[level];
  const err = callback === undefined ? 0 : yield* callback(entry, addr, next, walk);
  if (err !== 0 || walk.action === 'CONTINUE' || w.lowest < 0 || w.lowest >= level) return err;
  // Above PUDs nobody asks whether it is a leaf.
  if (level <= PUD && (entry_leaf(k, entry, level) || !entry_present(k, entry, level))) return 0;
  return yield* walk_range(w, table_below(k, entry, level, addr), level - 1, addr, next);
}

/** @throws NotModelledError where the kernel takes a leaf for a table: what it finds is whatever the RAM holds. */
export function table_below(k: Kernel, entry: number, level: number, addr: VirtualAddress): number {
  const kind = k.format.kind(level, k.memory.low(entry), k.memory.high(entry));
  if (kind === EntryKind.Table) return table_of(k, entry, level);
  throw new NotModelledError(
    `${k.format.levelName(level)} entry at ${hexAddress(addr)}`,
    'the kernel walks what is not a table as one, and reads memory as entries',
  );
}

/** Every PTE, none or not. :23 (v5.10) */
function* walk_pte_range(
  { k, callbacks }: Walk,
  table: number,
  start: VirtualAddress,
  end: VirtualAddress,
): Task<number> {
  const pte_entry = callbacks[PTE]!;
  for (let addr = start; addr < end; addr += k.page_size) {
    const pte = entry_in(k, table, PTE, addr);
    yield* before_read(k, pte);
    const err = yield* pte_entry(pte, addr, addr + k.page_size, { action: 'SUBTREE' });
    if (err !== 0) return err;
  }
  return 0;
}
