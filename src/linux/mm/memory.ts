/**
 * A function applied to every PTE of a range of kernel addresses (mm/memory.c). Line numbers are those of v7.2.
 *
 * Nothing keeps others away from the entries but the lock under which tables are added, here a look and a store between
 * which no other CPU runs.
 */

import { NotModelledError } from '../../errors.ts';
import { EntryKind, hexWord, type VirtualAddress } from '../../mmu/format.ts';
import { EINVAL, ENOMEM } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import { halt, type Task } from '../task.ts';
import { before_read, set_entry, store_entry } from './entry.ts';
import { pte_alloc_one_kernel, pte_free_kernel } from './pagetable.ts';
import { addr_end, entry_in, entry_leaf, entry_none, table_of } from './pgtable.ts';

/** What is done to an entry, named by its physical address: 0, or an error that ends the walk. */
export type pte_fn_t = (pte: number, addr: VirtualAddress) => Task<number>;

/**
 * Effect: `fn` sees every PTE of the range, and tables are made where there are none. Failure: -EINVAL for an empty
 * range, with a WARN, or a leaf above the PTEs; -ENOMEM; what `fn` returns. What was done before stays. :3507
 */
export function* apply_to_page_range(
  k: Kernel,
  start: VirtualAddress,
  size: number,
  fn: pte_fn_t,
): Task<number> {
  return yield* __apply_to_page_range(k, start, size, fn, true);
}

/** The same for what is mapped: absent tables and empty PTEs are passed over, and nothing is allocated. :3520 */
export function* apply_to_existing_page_range(
  k: Kernel,
  start: VirtualAddress,
  size: number,
  fn: pte_fn_t,
): Task<number> {
  return yield* __apply_to_page_range(k, start, size, fn, false);
}

/** :3464 */
function* __apply_to_page_range(
  k: Kernel,
  addr: VirtualAddress,
  size: number,
  fn: pte_fn_t,
  create: boolean,
): Task<number> {
  if (!(size > 0)) {
    k.warn('WARN_ON(addr >= end) in __apply_to_page_range()');
    return -EINVAL;
  }
  return yield* apply_to_table_range(k, k.root, k.format.levels, addr, addr + size, fn, create);
}

/** The entries of one table above the PTEs: apply_to_{p4d,pud,pmd}_range(). :3354 to :3462 */
function* apply_to_table_range(
  k: Kernel,
  table: number,
  level: number,
  start: VirtualAddress,
  end: VirtualAddress,
  fn: pte_fn_t,
  create: boolean,
): Task<number> {
  for (let addr = start; addr < end; ) {
    const next = addr_end(k, level, addr, end);
    const entry = entry_in(k, table, level, addr);
    yield* before_read(k, entry);
    const usable = k.has['page-range-refuses-leaves']
      ? yield* check_entry(k, entry, level, create)
      : yield* check_entry_5_10(k, entry, level, create);
    if (usable < 0) return usable;
    if (usable > 0) {
      if (create && !(yield* table_alloc_track(k, entry, level, addr))) return -ENOMEM;
      const below = table_of(k, entry, level);
      const err =
        level === 2
          ? yield* apply_to_pte_range(k, below, addr, next, fn, create)
          : yield* apply_to_table_range(k, below, level - 1, addr, next, fn, create);
      if (err !== 0) return err;
    }
    addr = next;
  }
  return 0;
}

/** :3311 */
function* apply_to_pte_range(
  k: Kernel,
  table: number,
  start: VirtualAddress,
  end: VirtualAddress,
  fn: pte_fn_t,
  create: boolean,
): Task<number> {
  for (let addr = start; addr < end; addr += k.page_size) {
    const pte = entry_in(k, table, 1, addr);
    yield* before_read(k, pte);
    if (!create && entry_none(k, pte, 1)) continue;
    const err = yield* fn(pte, addr);
    if (err !== 0) return err;
  }
  return 0;
}

/** 1 if the walk goes through the entry, 0 if it passes it over, or an error. :3368 to :3380 and its sisters */
function* check_entry(k: Kernel, entry: number, level: number, create: boolean): Task<number> {
  if (entry_none(k, entry, level)) return create ? 1 : 0;
  const name = k.format.levelName(level).toLowerCase();
  const site = `apply_to_${name}_range`;
  if (entry_leaf(k, entry, level)) {
    k.warn_once(`${site} leaf`, `WARN_ON_ONCE(${name}_leaf(*${name})) in ${site}()`);
    return -EINVAL;
  }
  if (!entry_bad(k, entry, level)) return 1;
  k.warn_once(`${site} bad`, `WARN_ON_ONCE(${name}_bad(*${name})) in ${site}()`);
  if (!create) return 0;
  yield* clear_bad(k, entry, level, name);
  return 1;
}

/**
 * Before v5.13. Making tables, only an empty entry is told from others, until BUG_ON(pmd_huge()) and BUG_ON(pud_huge()),
 * which look at nothing without CONFIG_HUGETLB_PAGE. Else a leaf is a bad entry, which goes. mm/memory.c:2417 (v5.10)
 */
function* check_entry_5_10(k: Kernel, entry: number, level: number, create: boolean): Task<number> {
  if (entry_none(k, entry, level)) return create ? 1 : 0;
  if (!entry_bad(k, entry, level)) return 1;
  const name = k.format.levelName(level).toLowerCase();
  if (!create) {
    yield* clear_bad(k, entry, level, name);
    return 0;
  }
  if (k.config.HUGETLB_PAGE && level <= 3) {
    k.die({ how: 'BUG', text: `BUG_ON(${name}_huge(*${name})) in apply_to_page_range()` });
    return yield* halt();
  }
  throw new NotModelledError(
    'apply_to_page_range() on a leaf',
    'without CONFIG_HUGETLB_PAGE this kernel takes the memory behind it for a table and overwrites data in it, and the model does not know the data',
  );
}

/** pmd_bad() and its sisters: not empty, and no table. */
function entry_bad(k: Kernel, entry: number, level: number): boolean {
  return k.format.kind(level, k.memory.low(entry), k.memory.high(entry)) !== EntryKind.Table;
}

/** Effect: the entry is reported and empty. mm/pgtable-generic.c:19 to :53 */
function* clear_bad(k: Kernel, entry: number, _level: number, name: string): Task<void> {
  k.printk('err', `bad ${name} ${hexWord(k.memory.low(entry), k.memory.high(entry))}`);
  yield* set_entry(k, entry, 0, 0);
}

/**
 * Effect: the entry names a table, whoever was first to make one. False if there is no page for it.
 * pte_alloc_kernel_track() and its sisters, asm-generic/pgalloc.h and mm/memory.c:452
 */
function* table_alloc_track(k: Kernel, entry: number, level: number, addr: VirtualAddress): Task<boolean> {
  if (!entry_none(k, entry, level)) return true;
  const covers = 2 ** k.format.levelShift(level);
  const purpose = { level: level - 1, address: Math.floor(addr / covers) * covers };
  const page = yield* pte_alloc_one_kernel(k, purpose);
  if (page === undefined) return false;
  yield* before_read(k, entry);
  if (entry_none(k, entry, level)) {
    const { low, high } = k.pgtable.table(level, page * k.page_size);
    store_entry(k, entry, low, high);
  } else yield* pte_free_kernel(k, page);
  return true;
}
