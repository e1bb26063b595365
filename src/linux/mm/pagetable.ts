/** Page-table pages: a page with a constructor, counted (include/asm-generic/pgalloc.h, mm/pgtable-generic.c). */

import { type Kernel, NR_PAGETABLE } from '../kernel.ts';
import type { TablePurpose, Task } from '../task.ts';
import { __free_pages, __GFP_ZERO, alloc_pages, GFP_KERNEL } from './page_alloc.ts';
import { __ClearPageTable, __SetPageTable, PageTable } from './page_flags.ts';

/** Effect: an empty page of PTEs. Failure: undefined (NULL). */
export function* pte_alloc_one_kernel(k: Kernel, purpose: TablePurpose): Task<number | undefined> {
  const table = yield* alloc_pages(k, GFP_KERNEL | __GFP_ZERO, 0, purpose);
  if (table === undefined) return undefined;
  __SetPageTable(k, table);
  k.vm_events.add(NR_PAGETABLE, 1);
  return table;
}

/** Effect: the table is free. Caller's duty: nothing points to it, and no TLB or paging-structure cache holds it. */
export function* pte_free_kernel(k: Kernel, table: number): Task<void> {
  yield* pagetable_free(k, table);
}

/**
 * Effect: a table that a collapse has emptied is free. One that boot took from memblock never was constructed, and is
 * PageReserved: where freed pages are checked, the kernel complains of a bad page.
 */
export function* pagetable_free(k: Kernel, table: number): Task<void> {
  if (PageTable(k, table)) {
    __ClearPageTable(k, table);
    k.vm_events.add(NR_PAGETABLE, -1);
  }
  yield* __free_pages(k, table, 0);
}
