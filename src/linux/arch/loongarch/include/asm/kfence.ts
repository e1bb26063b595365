/** KFENCE on loongarch: its pool is mapped once more, by page tables (arch/loongarch/include/asm/kfence.h). Lines of v7.2. */

import type { VirtualAddress } from '../../../../../mmu/format.ts';
import { _PAGE_PRESENT, _PAGE_VALID } from '../../../../../mmu/loongarch64.ts';
import { set_entry } from '../../../../mm/entry.ts';
import type { FrameRange } from '../../../../mm/frame_allocator.ts';
import { KFENCE_NUM_OBJECTS, KFENCE_POOL_PAGES } from '../../../../mm/kfence/core.ts';
import { entry_none } from '../../../../mm/pgtable.ts';
import { flush_pages } from '../../../../mm/tlb_flush.ts';
import { vmap_pages_range_noflush } from '../../../../mm/vmap.ts';
import type { Task } from '../../../../task.ts';
import type { LoongarchKernel } from '../../loongarch_kernel.ts';
import { kfence_area_start } from './addrspace.ts';
import { virt_to_kpte } from './pgtable.ts';

/** KFENCE_POOL_SIZE. In a geometry smaller than the hardware's there is one object. */
export function kfence_pool_size(k: LoongarchKernel): number {
  return KFENCE_POOL_PAGES(k.small ? 1 : KFENCE_NUM_OBJECTS) * k.page_size;
}

/** asm/pgtable.h:88 */
export function kfence_area_size(k: LoongarchKernel): number {
  return kfence_pool_size(k) + 2 * k.page_size;
}

/**
 * Effect: the pool has a mapping by page tables, and page_address() of its pages is there from now on. The window's goes on
 * to be. False if a table cannot be had. :17
 */
export function* arch_kfence_init_pool(k: LoongarchKernel, { start, end }: FrameRange): Task<boolean> {
  const area = kfence_area_start(k);
  const pages = Array.from({ length: end - start }, (_, i) => start + i);
  if ((yield* vmap_pages_range_noflush(k, area, pages, 0)) !== 0) return false;
  for (const [i, pfn] of pages.entries()) k.page_addresses.set(pfn, area + i * k.page_size);
  return true;
}

/** Effect: the page is not present, or present. False if page tables do not map it. This CPU alone flushes. :52 */
export function* kfence_protect_page(
  k: LoongarchKernel,
  addr: VirtualAddress,
  protect: boolean,
): Task<boolean> {
  const pte = virt_to_kpte(k, addr);
  if (pte === 0) {
    k.warn('WARN_ON(!pte) in kfence_protect_page()');
    return false;
  }
  if (entry_none(k, pte, 1)) return false;
  const low = k.memory.low(pte);
  const present = _PAGE_VALID | _PAGE_PRESENT;
  yield* set_entry(k, pte, (protect ? low & ~present : low | present) >>> 0, k.memory.high(pte));
  yield* flush_pages(k, 'local', addr, 1);
  return true;
}
