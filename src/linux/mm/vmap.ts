/** vmalloc's part of the kernel's tables: the walkers of mm/vmalloc.c. Line numbers are those of v7.2. */

import type { VirtualAddress } from '../../mmu/format.ts';
import { ENOMEM } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import type { TablePurpose, Task } from '../task.ts';
import { set_entry } from './entry.ts';
import { pte_alloc_one_kernel, pte_free_kernel } from './pagetable.ts';
import { addr_end, entry_bad, entry_in, entry_leaf, entry_none, table_of } from './pgtable.ts';

const PMD = 2;

/** Effect: every address from `address` on maps the next page, by leaves of 2^order pages. Failure: -ENOMEM. :681 */
export function* vmap_pages_range_noflush(
  k: Kernel,
  address: VirtualAddress,
  pages: readonly number[],
  order: number,
): Task<number> {
  for (let i = 0; i < pages.length; i += 2 ** order) {
    const addr = address + i * k.page_size;
    const pmd = yield* pmd_alloc(k, addr);
    if (pmd === 0) return -ENOMEM;
    if (order > 0) {
      yield* pmd_set_huge(k, pmd, addr, pages[i]!);
    } else {
      if (!(yield* table_alloc(k, pmd, PMD, addr))) return -ENOMEM;
      const { low, high } = k.pgtable.kernelLeaf(1, pages[i]!);
      yield* set_entry(k, entry_in(k, table_of(k, pmd, PMD), 1, addr), low, high);
    }
  }
  return 0;
}

/** Effect: `pmd` is a leaf; a table that it pointed to, empty by now, is free. :100, and pmd_free_pte_page() */
function* pmd_set_huge(k: Kernel, pmd: number, address: VirtualAddress, pfn: number): Task<void> {
  if (!entry_none(k, pmd, PMD)) {
    const table = table_of(k, pmd, PMD) / k.page_size;
    yield* clear_entry(k, pmd, PMD);
    yield* k.flush_tlb_kernel_range(address, address + k.page_size);
    yield* pte_free_kernel(k, table);
  }
  const { low, high } = k.pgtable.kernelLeaf(PMD, pfn);
  yield* set_entry(k, pmd, low, high);
}

/** The PMD entry of an address, its tables made as needed; 0 if one cannot be had. */
function* pmd_alloc(k: Kernel, address: VirtualAddress): Task<number> {
  let table = k.root;
  for (let level = k.format.levels; level > PMD; level--) {
    const entry = entry_in(k, table, level, address);
    if (!(yield* table_alloc(k, entry, level, address))) return 0;
    table = table_of(k, entry, level);
  }
  return entry_in(k, table, PMD, address);
}

/** Effect: the entry, at `level`, names a table. False if there is no page for it. */
export function* table_alloc(
  k: Kernel,
  entry: number,
  level: number,
  address: VirtualAddress,
): Task<boolean> {
  if (!entry_none(k, entry, level)) return true;
  const covers = 2 ** k.format.levelShift(level);
  const purpose = { level: level - 1, address: Math.floor(address / covers) * covers };
  const table = yield* empty_table(k, purpose);
  if (table === undefined) return false;
  const { low, high } = k.pgtable.table(level, table);
  yield* set_entry(k, entry, low, high);
  return true;
}

/** pmd_alloc_one(), pte_alloc_one_kernel(), ...: an empty table, by its address. Failure: undefined (NULL). */
function* empty_table(k: Kernel, purpose: TablePurpose): Task<number | undefined> {
  if (k.pgtable.allocTable !== undefined) return yield* k.pgtable.allocTable(purpose);
  const page = yield* pte_alloc_one_kernel(k, purpose);
  return page === undefined ? undefined : page * k.page_size;
}

/** pte_clear(), pmd_clear(). */
function* clear_entry(k: Kernel, entry: number, level: number): Task<void> {
  yield* set_entry(k, entry, k.format.emptyEntry?.(level) ?? 0, 0);
}

/** Effect: nothing is mapped in [start, end). Tables stay. :503 */
export function* vunmap_range_noflush(k: Kernel, start: VirtualAddress, end: VirtualAddress): Task<void> {
  for (let addr = start; addr < end; ) {
    const next = addr_end(k, PMD, addr, end);
    const pmd = pmd_of(k, addr);
    if (pmd !== 0) yield* vunmap_pmd(k, pmd, addr, next);
    addr = next;
  }
}

function* vunmap_pmd(k: Kernel, pmd: number, start: VirtualAddress, end: VirtualAddress): Task<void> {
  if (entry_leaf(k, pmd, PMD) || entry_bad(k, pmd, PMD)) {
    yield* clear_entry(k, pmd, PMD);
    return;
  }
  const table = table_of(k, pmd, PMD);
  for (let addr = start; addr < end; addr += k.page_size) {
    const pte = entry_in(k, table, 1, addr);
    if (!entry_none(k, pte, 1)) yield* k.pgtable.clearPte?.(pte, addr) ?? clear_entry(k, pte, 1);
  }
}

/** The PMD entry of an address, if there are tables for it and it is not none; else 0. */
function pmd_of(k: Kernel, address: VirtualAddress): number {
  let table = k.root;
  for (let level = k.format.levels; level > PMD; level--) {
    const entry = entry_in(k, table, level, address);
    if (entry_none(k, entry, level) || entry_leaf(k, entry, level) || entry_bad(k, entry, level)) return 0;
    table = table_of(k, entry, level);
  }
  const pmd = entry_in(k, table, PMD, address);
  return entry_none(k, pmd, PMD) ? 0 : pmd;
}
