/**
 * Changes of what page tables map (arch/loongarch/mm/pageattr.c). The direct map is not among it: every call on one of its
 * addresses succeeds and does nothing. Line numbers are those of v7.2.
 */

import type { VirtualAddress } from '../../../../mmu/format.ts';
import { _PAGE_DIRTY, _PAGE_PRESENT, _PAGE_VALID, _PAGE_WRITE } from '../../../../mmu/loongarch64.ts';
import { down_write, up_write } from '../../../kernel/locking/locks.ts';
import { before_read, set_entry } from '../../../mm/entry.ts';
import { pfn_valid } from '../../../mm/page_flags.ts';
import { type EntryCallback, walk_kernel_page_table_range } from '../../../mm/pagewalk.ts';
import { entry_in, entry_leaf, entry_none, entry_present, table_of } from '../../../mm/pgtable.ts';
import type { Task } from '../../../task.ts';
import { vm_map_base } from '../include/asm/addrspace.ts';
import { __pa, PAGE_KERNEL } from '../include/asm/pgtable.ts';
import type { LoongarchKernel } from '../loongarch_kernel.ts';

/** Bits of a 64-bit entry, by halves: none of those that are changed has an address in between. */
interface Mask {
  low: number;
  high: number;
}

const NOTHING: Mask = { low: 0, high: 0 };
const _PAGE_NO_EXEC: Mask = { low: 0, high: 1 << 30 };
const WRITE_DIRTY: Mask = { low: _PAGE_WRITE | _PAGE_DIRTY, high: 0 };
const PRESENT_VALID: Mask = { low: _PAGE_PRESENT | _PAGE_VALID, high: 0 };
const KERNEL: Mask = { low: PAGE_KERNEL, high: 0 };

/**
 * Effect: bits cleared, then set, in every leaf of the range, of which a part is as good as the whole, and in every PTE of
 * a table that is there, none or not. Holes are 0. Context: may sleep. :101
 */
function* __set_memory(
  k: LoongarchKernel,
  addr: VirtualAddress,
  numpages: number,
  set: Mask,
  clear: Mask,
): Task<number> {
  const end = addr + numpages * k.page_size;
  if (numpages === 0) return 0;
  const change: EntryCallback = (entry) => set_pageattr_masks(k, entry, set, clear);
  const ofLeaf =
    (level: number): EntryCallback =>
    (entry) =>
      entry_leaf(k, entry, level) ? set_pageattr_masks(k, entry, set, clear) : nothing();
  yield* down_write(k, k.init_mm.mmap_lock);
  const ret = yield* walk_kernel_page_table_range(k, addr, end, {
    p4d_entry: ofLeaf(4),
    pud_entry: ofLeaf(3),
    pmd_entry: ofLeaf(2),
    pte_entry: change,
  });
  up_write(k, k.init_mm.mmap_lock);
  yield* k.flush_tlb_kernel_range(addr, end);
  return ret;
}

function* nothing(): Task<number> {
  return 0;
}

/** :18, and the callbacks */
function* set_pageattr_masks(k: LoongarchKernel, entry: number, set: Mask, clear: Mask): Task<number> {
  const low = (k.memory.low(entry) & ~clear.low) | set.low;
  const high = (k.memory.high(entry) & ~clear.high) | set.high;
  yield* set_entry(k, entry, low >>> 0, high >>> 0);
  return 0;
}

/** What the functions below have in common. Before there were any, the stubs of linux/set_memory.h. */
function* edit(
  k: LoongarchKernel,
  where: string,
  addr: VirtualAddress,
  numpages: number,
  set: Mask,
  clear: Mask,
): Task<number> {
  if (!k.has['loongarch-set-memory']) return 0;
  if (addr < vm_map_base(k)) {
    k.guard(where, 'the address is below vm_map_base: it is mapped by a window, which has no entries');
    return 0;
  }
  return yield* __set_memory(k, addr, numpages, set, clear);
}

/** :129 */
export function set_memory_x(k: LoongarchKernel, addr: VirtualAddress, numpages: number): Task<number> {
  return edit(k, 'set_memory_x()', addr, numpages, NOTHING, _PAGE_NO_EXEC);
}

/** :137 */
export function set_memory_nx(k: LoongarchKernel, addr: VirtualAddress, numpages: number): Task<number> {
  return edit(k, 'set_memory_nx()', addr, numpages, _PAGE_NO_EXEC, NOTHING);
}

/** :145 */
export function set_memory_ro(k: LoongarchKernel, addr: VirtualAddress, numpages: number): Task<number> {
  return edit(k, 'set_memory_ro()', addr, numpages, NOTHING, WRITE_DIRTY);
}

/** :153 */
export function set_memory_rw(k: LoongarchKernel, addr: VirtualAddress, numpages: number): Task<number> {
  return edit(k, 'set_memory_rw()', addr, numpages, WRITE_DIRTY, NOTHING);
}

/** Whether the page is memory, or, of one that page tables map, whether its entry is present. :161 */
export function* kernel_page_present(k: LoongarchKernel, pfn: number): Task<boolean> {
  if (!k.has['loongarch-page-present']) return true;
  const addr = k.page_address(pfn);
  if (addr < vm_map_base(k)) return memblock_is_memory(k, __pa(addr));
  let table = k.root;
  for (let level = k.format.levels; level > 1; level--) {
    const entry = entry_in(k, table, level, addr);
    yield* before_read(k, entry);
    if (entry_none(k, entry, level)) return false;
    if (entry_leaf(k, entry, level)) return true;
    table = table_of(k, entry, level);
  }
  return entry_present(k, entry_in(k, table, 1, addr), 1);
}

/** Memory that was added counts: the kernel keeps memblock. mm/memory_hotplug.c:1528 */
function memblock_is_memory(k: LoongarchKernel, physical: number): boolean {
  return pfn_valid(k, Math.floor(physical / k.page_size));
}

/** Effect: PAGE_KERNEL's bits are set; none is cleared. :201 */
export function set_direct_map_default_noflush(k: LoongarchKernel, pfn: number): Task<number> {
  return edit(k, 'set_direct_map_default_noflush()', k.page_address(pfn), 1, KERNEL, NOTHING);
}

/** :211 */
export function set_direct_map_invalid_noflush(k: LoongarchKernel, pfn: number): Task<number> {
  return edit(k, 'set_direct_map_invalid_noflush()', k.page_address(pfn), 1, NOTHING, PRESENT_VALID);
}

/** :221 */
export function set_direct_map_valid_noflush(
  k: LoongarchKernel,
  pfn: number,
  nr: number,
  valid: boolean,
): Task<number> {
  const set = valid ? KERNEL : NOTHING;
  const clear = valid ? NOTHING : PRESENT_VALID;
  return edit(k, 'set_direct_map_valid_noflush()', k.page_address(pfn), nr, set, clear);
}
