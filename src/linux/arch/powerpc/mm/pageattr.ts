/** Changes of protections (arch/powerpc/mm/pageattr.c). Line numbers are those of v7.2. */

import type { EntryFlags, VirtualAddress } from '../../../../mmu/format.ts';
import { _PAGE_DIRTY, _PAGE_PRESENT } from '../../../../mmu/ppc64_radix.ts';
import { EINVAL } from '../../../errno.ts';
import { before_read, store_entry } from '../../../mm/entry.ts';
import { apply_to_existing_page_range } from '../../../mm/memory.ts';
import { find_vm_area, get_vm_area_page_order } from '../../../mm/vmalloc.ts';
import { halt, type Task } from '../../../task.ts';
import {
  _PAGE_KERNEL_RO,
  _PAGE_KERNEL_ROX,
  _PAGE_KERNEL_RW,
  highBits,
  lowBits,
} from '../include/asm/book3s/64/pgtable.ts';
import type { PowerpcKernel } from '../powerpc_kernel.ts';
import { hash__kernel_map_pages } from './book3s64/hash_utils.ts';

// asm/set_memory.h
export const SET_MEMORY_RO = 0;
export const SET_MEMORY_RW = 1;
export const SET_MEMORY_NX = 2;
export const SET_MEMORY_X = 3;
export const SET_MEMORY_NP = 4;
export const SET_MEMORY_P = 5;
export const SET_MEMORY_ROX = 6;

/** Effect: one atomic change of an entry: nobody else's is lost. radix.h:158 (v6.12) */
export function* pte_update(k: PowerpcKernel, pte: number, clear: EntryFlags, set: EntryFlags): Task<void> {
  yield* before_read(k, pte);
  const low = (k.memory.low(pte) & ~lowBits(clear)) | lowBits(set);
  const high = (k.memory.high(pte) & ~highBits(clear)) | highBits(set);
  store_entry(k, pte, low >>> 0, high >>> 0);
}

/** :18 */
function* pte_update_delta(k: PowerpcKernel, pte: number, old: EntryFlags, flags: EntryFlags): Task<void> {
  yield* pte_update(k, pte, old & ~flags, flags & ~old);
}

/** Effect: the action on one entry, and a flush of everything. :30 */
function* change_page_attr(
  k: PowerpcKernel,
  pte: number,
  addr: VirtualAddress,
  action: number,
): Task<number> {
  switch (action) {
    case SET_MEMORY_RO:
      yield* pte_update_delta(k, pte, _PAGE_KERNEL_RW & ~_PAGE_DIRTY, _PAGE_KERNEL_RO);
      break;
    case SET_MEMORY_ROX:
      yield* pte_update_delta(k, pte, _PAGE_KERNEL_RW & ~_PAGE_DIRTY, _PAGE_KERNEL_ROX);
      break;
    case SET_MEMORY_RW:
      yield* pte_update_delta(k, pte, _PAGE_KERNEL_RO, _PAGE_KERNEL_RW);
      break;
    case SET_MEMORY_NX:
      yield* pte_update_delta(k, pte, _PAGE_KERNEL_ROX, _PAGE_KERNEL_RO);
      break;
    case SET_MEMORY_X:
      yield* pte_update_delta(k, pte, _PAGE_KERNEL_RO, _PAGE_KERNEL_ROX);
      break;
    case SET_MEMORY_NP:
      yield* pte_update(k, pte, _PAGE_PRESENT, 0);
      break;
    case SET_MEMORY_P:
      yield* pte_update(k, pte, 0, _PAGE_PRESENT);
      break;
    default:
      k.warn_once('change_page_attr action', 'WARN_ON_ONCE(1) in change_page_attr()');
  }
  yield* k.flush_tlb_kernel_range(addr, addr + k.page_size);
  return 0;
}

/**
 * Effect: the action on every PTE of the range. Failure: -EINVAL, with one WARN, at a leaf above the PTEs, in a vmalloc area
 * of large leaves, or in the linear map of a hash kernel; what came before a leaf stays. Nothing is allocated. :72
 */
export function* change_memory_attr(
  k: PowerpcKernel,
  addr: VirtualAddress,
  numpages: number,
  action: number,
): Task<number> {
  const start = Math.floor(addr / k.page_size) * k.page_size;
  if (numpages === 0) return 0;
  if (is_vm_area_hugepages(k, addr)) {
    k.warn_once('change_memory_attr huge', 'WARN_ON_ONCE(is_vm_area_hugepages()) in change_memory_attr()');
    return -EINVAL;
  }
  if (!k.radix_enabled && k.is_linear_map_address(addr)) {
    k.warn_once('change_memory_attr region', 'WARN_ON_ONCE(region) in change_memory_attr()');
    return -EINVAL;
  }
  return yield* apply_to_existing_page_range(k, start, numpages * k.page_size, (pte, at) =>
    change_page_attr(k, pte, at, action),
  );
}

/** Whether the address is vmalloc's, in an area that may have large leaves. vmalloc.h:218 */
function is_vm_area_hugepages(k: PowerpcKernel, addr: VirtualAddress): boolean {
  const area = find_vm_area(k, addr);
  return area !== undefined && get_vm_area_page_order(area) > 0;
}

/** A stub that returns 0 before there is CONFIG_ARCH_HAS_SET_MEMORY. linux/set_memory.h:12 (v5.10) */
function* set_memory(k: PowerpcKernel, addr: VirtualAddress, numpages: number, action: number): Task<number> {
  return k.has['ppc-set-memory'] ? yield* change_memory_attr(k, addr, numpages, action) : 0;
}

export function set_memory_ro(k: PowerpcKernel, addr: VirtualAddress, numpages: number): Task<number> {
  return set_memory(k, addr, numpages, SET_MEMORY_RO);
}

export function set_memory_rw(k: PowerpcKernel, addr: VirtualAddress, numpages: number): Task<number> {
  return set_memory(k, addr, numpages, SET_MEMORY_RW);
}

export function set_memory_nx(k: PowerpcKernel, addr: VirtualAddress, numpages: number): Task<number> {
  return set_memory(k, addr, numpages, SET_MEMORY_NX);
}

export function set_memory_x(k: PowerpcKernel, addr: VirtualAddress, numpages: number): Task<number> {
  return set_memory(k, addr, numpages, SET_MEMORY_X);
}

export function set_memory_np(k: PowerpcKernel, addr: VirtualAddress, numpages: number): Task<number> {
  return set_memory(k, addr, numpages, SET_MEMORY_NP);
}

export function set_memory_p(k: PowerpcKernel, addr: VirtualAddress, numpages: number): Task<number> {
  return set_memory(k, addr, numpages, SET_MEMORY_P);
}

/** One pass where the kernel has that, else two, the second only after the first has succeeded. */
export function* set_memory_rox(k: PowerpcKernel, addr: VirtualAddress, numpages: number): Task<number> {
  if (k.has['ppc-set-memory-rox']) return yield* set_memory(k, addr, numpages, SET_MEMORY_ROX);
  const ret = yield* set_memory_ro(k, addr, numpages);
  return ret !== 0 ? ret : yield* set_memory_x(k, addr, numpages);
}

/**
 * Effect: the pages are present, or not. Failure: the error is dropped before v6.12, and panics the machine since. :110; before
 * that radix__kernel_map_pages(), radix_pgtable.c:1015 (v6.1), and hash_utils.c:1956 (v5.10) for both.
 */
export function* __kernel_map_pages(
  k: PowerpcKernel,
  pfn: number,
  numpages: number,
  enable: number,
): Task<void> {
  const err = yield* kernel_map_pages_result(k, pfn, numpages, enable);
  if (err === 0 || !k.has['kernel-map-pages-panics']) return;
  k.die({ how: 'panic', text: '__kernel_map_pages: changing memory protections failed' });
  yield* halt();
}

function* kernel_map_pages_result(
  k: PowerpcKernel,
  pfn: number,
  numpages: number,
  enable: number,
): Task<number> {
  if (!k.radix_enabled) return yield* hash__kernel_map_pages(k, pfn, numpages, enable);
  if (!k.has['radix-debug-pagealloc']) {
    k.guard('__kernel_map_pages()', 'linear_map_hash_count is 0: this is the function of the hash MMU');
    return 0;
  }
  const addr = k.page_address(pfn);
  return yield* enable !== 0 ? set_memory_p(k, addr, numpages) : set_memory_np(k, addr, numpages);
}

/** Effect: as above, and an error is dropped. radix_pgtable.c:1015 (v6.1) */
export function* radix__kernel_map_pages(
  k: PowerpcKernel,
  pfn: number,
  numpages: number,
  enable: number,
): Task<void> {
  const addr = k.page_address(pfn);
  if (enable !== 0) yield* set_memory_p(k, addr, numpages);
  else yield* set_memory_np(k, addr, numpages);
}
