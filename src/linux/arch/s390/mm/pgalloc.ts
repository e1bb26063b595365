/**
 * Tables, and where their memory comes from (arch/s390/mm/pgalloc.c, and the allocators of mm/vmem.c). Line numbers are
 * those of v7.2.13 unless another version is named.
 *
 * Before v6.12 two page tables share a page: the second of them costs none, and cannot be refused. A replay, which hands
 * out what a real kernel chose, is asked for each table all the same: it knows the address of each.
 */

import { type Kernel, NR_PAGETABLE } from '../../../kernel.ts';
import { store_entry } from '../../../mm/entry.ts';
import { memblock_phys_alloc_range } from '../../../mm/memblock.ts';
import { __free_pages, alloc_pages, free_reserved_page, GFP_KERNEL } from '../../../mm/page_alloc.ts';
import { __ClearPageTable, __SetPageTable, PageReserved, PageTable } from '../../../mm/page_flags.ts';
import type { TablePurpose, Task } from '../../../task.ts';
import { PTE } from '../include/asm/pgtable.ts';
import { HARDWARE_INDEX_BITS, PAGE_SIZE } from '../machine.ts';
import type { S390Kernel } from '../s390_kernel.ts';

/** A page of two page tables, of which a bit each says that they are in use. Never changed: a change makes a new one. */
export interface TablePage {
  readonly pfn: number;
  readonly used: number;
}

const PAGE_TABLE_SIZE = PAGE_SIZE / 2;
const BOTH = 3;

/** log2 of the pages of a region or segment table: 2, or 0 in a geometry in which it fits into a page. */
export function CRST_ALLOC_ORDER(k: S390Kernel): number {
  return k.machine.index_bits === HARDWARE_INDEX_BITS ? 2 : 0;
}

/** Effect: the table at `level` maps nothing. crst_table_init(), pgalloc.h:30, and memset64() of page tables */
export function table_init(k: S390Kernel, table: number, level: number): void {
  const entries = 2 ** k.format.indexBits(level);
  const empty = k.format.emptyEntry(level);
  for (let i = 0; i < entries; i++) store_entry(k, table + i * 8, empty, 0);
}

/** Effect: `size` bytes of memblock's. Failure: undefined (NULL), where the world refuses or nothing is left. */
function* memblock_alloc(k: S390Kernel, size: number, purpose: TablePurpose): Task<number | undefined> {
  const granted = (yield { kind: 'allocation', order: 0, gfp: GFP_KERNEL, purpose }) !== 0;
  if (!granted) return undefined;
  const found = memblock_phys_alloc_range(k.memblock!, size, size, 0, Number.MAX_SAFE_INTEGER);
  return found === 0 ? undefined : found;
}

function addressOf(pfn: number | undefined): number | undefined {
  return pfn === undefined ? undefined : pfn * PAGE_SIZE;
}

/** Effect: an empty region or segment table, by its address. Failure: undefined (NULL). Context: may sleep. vmem.c:59 */
export function* vmem_crst_alloc(k: S390Kernel, purpose: TablePurpose): Task<number | undefined> {
  const order = CRST_ALLOC_ORDER(k);
  const table = k.slab_is_available
    ? addressOf(yield* alloc_pages(k, GFP_KERNEL, order, purpose))
    : yield* memblock_alloc(k, PAGE_SIZE * 2 ** order, purpose);
  if (table !== undefined) table_init(k, table, purpose.level);
  return table;
}

/** Effect: an empty page table, by its address. Failure: undefined (NULL). Context: may sleep. vmem.c:71 */
export function* vmem_pte_alloc(k: S390Kernel, purpose: TablePurpose): Task<number | undefined> {
  const size = k.has['page-tables-whole-pages'] ? PAGE_SIZE : PAGE_TABLE_SIZE;
  const table = k.slab_is_available
    ? yield* page_table_alloc(k, purpose)
    : yield* memblock_alloc(k, size, purpose);
  if (table !== undefined) table_init(k, table, PTE);
  return table;
}

/** Effect: memory for a page table, by its address. Failure: undefined (NULL). pgalloc.c:117, and :249 (v6.1) */
export function* page_table_alloc(k: S390Kernel, purpose: TablePurpose): Task<number | undefined> {
  const replay = k.frames.book === undefined;
  if (!k.has['page-tables-whole-pages'] && !replay) {
    const half = take_half(k);
    if (half !== undefined) return half;
  }
  const pfn = yield* alloc_pages(k, GFP_KERNEL, 0, purpose);
  if (pfn === undefined) return undefined;
  __SetPageTable(k, Math.floor(pfn));
  k.vm_events.add(NR_PAGETABLE, 1);
  if (!k.has['page-tables-whole-pages'] && !replay) put_first(k, { pfn, used: 1 });
  return pfn * PAGE_SIZE;
}

/** A free half, of the page that came to have one last. */
function take_half(k: S390Kernel): number | undefined {
  const page = k.pgtable_list.get().find(({ used }) => used !== BOTH);
  if (page === undefined) return undefined;
  put_first(k, { ...page, used: BOTH });
  return page.pfn * PAGE_SIZE + (page.used & 1) * PAGE_TABLE_SIZE;
}

function put_first(k: S390Kernel, page: TablePage): void {
  k.pgtable_list.set([page, ...k.pgtable_list.get().filter(({ pfn }) => pfn !== page.pfn)]);
}

/** Effect: the page table is free, and with the second of two its page. pgalloc.c:139, and :327 (v6.1) */
export function* page_table_free(k: S390Kernel, table: number): Task<void> {
  const pfn = Math.floor(table / PAGE_SIZE);
  const page = k.pgtable_list.get().find((each) => each.pfn === pfn);
  const used = (page?.used ?? 0) & ~(table % PAGE_SIZE === 0 ? 1 : 2);
  if (page !== undefined && used !== 0) {
    put_first(k, { pfn, used });
    return;
  }
  if (page !== undefined) k.pgtable_list.set(k.pgtable_list.get().filter((each) => each !== page));
  if (PageReserved(k, pfn)) yield* free_reserved_page(k, pfn);
  else yield* free_table_page(k, pfn);
}

function* free_table_page(k: S390Kernel, pfn: number): Task<void> {
  if (PageTable(k, pfn)) {
    __ClearPageTable(k, pfn);
    k.vm_events.add(NR_PAGETABLE, -1);
  }
  yield* __free_pages(k, pfn, 0);
}

/** Effect: the pages of a region or segment table are free; a table of boot's is, or stays and is warned of. vmem.c:40 */
export function* vmem_crst_free(k: S390Kernel, table: number): Task<void> {
  const pfn = table / PAGE_SIZE;
  const order = CRST_ALLOC_ORDER(k);
  if (!PageReserved(k, pfn)) yield* __free_pages(k, pfn, order);
  else if (k.has['hot-remove-frees-boot-tables']) {
    for (let page = 0; page < 2 ** order; page++) yield* free_reserved_page(k, pfn + page);
  } else boot_table_kept(k, 'vmem_free_pages');
}

/** Effect: a page table is free; one of boot's is, or stays and is warned of. vmem.c:86 */
export function* vmem_pte_free(k: S390Kernel, table: number): Task<void> {
  const reserved = PageReserved(k, Math.floor(table / PAGE_SIZE));
  if (reserved && !k.has['hot-remove-frees-boot-tables']) boot_table_kept(k, 'vmem_pte_free');
  else yield* page_table_free(k, table);
}

function boot_table_kept(k: Kernel, where: string): void {
  k.warn_once(where, `${where}(): a table that boot has made is kept`);
}
