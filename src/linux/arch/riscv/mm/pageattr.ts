/**
 * Changing the attributes of kernel mappings (arch/riscv/mm/pageattr.c). Line numbers are those of v7.2.
 *
 * The walkers edit every leaf that they meet as a whole, whatever part of it was meant. Since the change
 * 'set-memory-splits' the leaves of the direct map are split before, down to what is meant, and every edit of another
 * mapping is made to the direct map too.
 */

import { NotModelledError } from '../../../../errors.ts';
import { type EntryFlags, hexAddress, type VirtualAddress } from '../../../../mmu/format.ts';
import { _PAGE_EXEC, _PAGE_PRESENT, _PAGE_READ, _PAGE_WRITE } from '../../../../mmu/riscv64.ts';
import { ENOMEM } from '../../../errno.ts';
import { down_read, down_write, up_read, up_write } from '../../../kernel/locking/locks.ts';
import { read_kernel } from '../../../mm/access.ts';
import { before_read, set_entry, store_entry } from '../../../mm/entry.ts';
import { apply_to_existing_page_range } from '../../../mm/memory.ts';
import { alloc_pages, GFP_KERNEL } from '../../../mm/page_alloc.ts';
import {
  type mm_walk_ops,
  table_below,
  walk_kernel_page_table_range,
  walk_page_range,
  walk_page_range_novma,
} from '../../../mm/pagewalk.ts';
import { addr_end, entry_in, entry_leaf, entry_none, entry_present } from '../../../mm/pgtable.ts';
import { find_vm_area } from '../../../mm/vmalloc.ts';
import { halt, type Task } from '../../../task.ts';
import { PAGE_KERNEL, PAGE_TABLE, pfn_entry, prot_of } from '../include/asm/pgtable.ts';
import type { RiscvKernel } from '../riscv_kernel.ts';
import { flush_tlb_all, flush_tlb_kernel_range } from './tlbflush.ts';

const PMD = 2;
const PUD = 3;

// ---- the walkers

interface pageattr_masks {
  set_mask: EntryFlags;
  clear_mask: EntryFlags;
}

/** Effect: the entry has `set_mask` and has not `clear_mask`, whatever was in it. :18 */
function* set_pageattr_masks(k: RiscvKernel, entry: number, masks: pageattr_masks): Task<number> {
  const low = (k.memory.low(entry) & ~masks.clear_mask) | masks.set_mask;
  yield* set_entry(k, entry, low >>> 0, k.memory.high(entry));
  return 0;
}

/**
 * A leaf is edited whatever part of it is asked for; a PTE is edited even if it is empty; a hole is none's fault. :86
 */
function pageattr_ops(k: RiscvKernel, masks: pageattr_masks): mm_walk_ops {
  const leafAt = (level: number) =>
    function* (entry: number): Task<number> {
      return entry_leaf(k, entry, level) ? yield* set_pageattr_masks(k, entry, masks) : 0;
    };
  return {
    p4d_entry: leafAt(4),
    pud_entry: leafAt(PUD),
    pmd_entry: leafAt(PMD),
    pte_entry: (pte) => set_pageattr_masks(k, pte, masks),
  };
}

// ---- splitting

/**
 * Effect: no leaf of the direct map lies partly in [start, end). Those that lie wholly in it stay. Failure: -ENOMEM;
 * what is split stays split. Context: may sleep; init_mm.mmap_lock held for writing. :256
 */
function* split_linear_mapping(k: RiscvKernel, start: VirtualAddress, end: VirtualAddress): Task<number> {
  return yield* __split_linear_mapping(k, k.root, k.format.levels, start, end);
}

/** __split_linear_mapping_pgd() and, a level down each, those that it calls. :96 to :257 */
function* __split_linear_mapping(
  k: RiscvKernel,
  table: number,
  level: number,
  start: VirtualAddress,
  end: VirtualAddress,
): Task<number> {
  for (let vaddr = start; vaddr < end; ) {
    const next = addr_end(k, level, vaddr, end);
    if (next - vaddr < 2 ** k.format.levelShift(level)) {
      const ret = yield* split_below(k, entry_in(k, table, level, vaddr), level, vaddr, next);
      if (ret !== 0) return ret;
    }
    vaddr = next;
  }
  return 0;
}

/** One entry of which [vaddr, next) is a part. */
function* split_below(
  k: RiscvKernel,
  entry: number,
  level: number,
  vaddr: VirtualAddress,
  next: VirtualAddress,
): Task<number> {
  yield* before_read(k, entry);
  if (entry_leaf(k, entry, level) && !(yield* split_leaf(k, entry, level, vaddr))) return -ENOMEM;
  if (level === PMD) return 0;
  const below = yield* table_under(k, entry, level, vaddr);
  return yield* __split_linear_mapping(k, below, level - 1, vaddr, next);
}

/** Effect: a table of leaves that say the same stands where the leaf stood. False if there is no page for it. */
function* split_leaf(k: RiscvKernel, entry: number, level: number, vaddr: VirtualAddress): Task<boolean> {
  const shift = k.format.levelShift(level);
  const address = Math.floor(vaddr / 2 ** shift) * 2 ** shift;
  const low = k.memory.low(entry);
  const high = k.memory.high(entry);
  const pfn = k.format.leafFrame(level, low, high);
  const page = yield* alloc_pages(k, GFP_KERNEL, 0, { level: level - 1, address });
  if (page === undefined) return false;
  const table = page * k.page_size;
  const step = 2 ** (k.format.levelShift(level - 1) - k.format.pageShift);
  for (let i = 0; i < 2 ** k.format.indexBits(level - 1); i++) {
    const child = pfn_entry(k, level - 1, pfn + i * step, prot_of(low, high));
    store_entry(k, table + i * 8, child.low, child.high);
  }
  const parent = pfn_entry(k, level, page, PAGE_TABLE);
  yield* set_entry(k, entry, parent.low, parent.high);
  if (k.listening) k.emit({ kind: 'split', cpu: k.cpu, level, address, table });
  return true;
}

/** The table that an entry names. An empty entry names the one at physical 0, which the direct map may not have. */
function* table_under(k: RiscvKernel, entry: number, level: number, vaddr: VirtualAddress): Task<number> {
  if (entry_none(k, entry, level)) yield* read_kernel(k, k.__va(0));
  return table_below(k, entry, level, vaddr);
}

// ---- __set_memory()

/**
 * Effect: all of [addr, addr + numpages) has `set_mask` and has not `clear_mask`, and so has its alias in the direct
 * map, which is edited first. Failure: -ENOMEM; what came before stays edited. Context: may sleep. :262
 */
export function* __set_memory(
  k: RiscvKernel,
  addr: VirtualAddress,
  numpages: number,
  set_mask: EntryFlags,
  clear_mask: EntryFlags,
): Task<number> {
  if (numpages === 0) return 0;
  const ops = pageattr_ops(k, { set_mask, clear_mask });
  const end = addr + numpages * k.page_size;
  if (k.has['set-memory-splits']) return yield* __set_memory_and_alias(k, addr, end, ops);
  yield* down_write(k, k.init_mm.mmap_lock);
  const ret = yield* walk_page_range_novma(k, addr, end, ops);
  up_write(k, k.init_mm.mmap_lock);
  yield* flush_tlb_kernel_range(k, addr, end);
  return ret;
}

function* __set_memory_and_alias(
  k: RiscvKernel,
  start: VirtualAddress,
  end: VirtualAddress,
  ops: mm_walk_ops,
): Task<number> {
  yield* down_write(k, k.init_mm.mmap_lock);
  let ret = 0;
  if (k.is_vmalloc_or_module_addr(start)) ret = yield* set_aliases_of_area(k, start, end, ops);
  else if (k.is_kernel_mapping(start)) ret = yield* set_linear(k, k.lm_alias(start), k.lm_alias(end), ops);
  else if (k.is_linear_mapping(start)) ret = yield* set_linear(k, start, end, ops);
  if (ret === 0) ret = yield* walk_kernel_page_table_range(k, start, end, ops);
  up_write(k, k.init_mm.mmap_lock);
  yield* flush_tlb_all(k);
  return ret;
}

/** Effect: [start, end) of the direct map is edited, after it has been split. */
function* set_linear(
  k: RiscvKernel,
  start: VirtualAddress,
  end: VirtualAddress,
  ops: mm_walk_ops,
): Task<number> {
  const ret = yield* split_linear_mapping(k, start, end);
  return ret !== 0 ? ret : yield* walk_kernel_page_table_range(k, start, end, ops);
}

/** Effect: the direct map's alias of each page is edited, in order. The kernel dies where there is no area. :286 */
function* set_aliases_of_area(
  k: RiscvKernel,
  start: VirtualAddress,
  end: VirtualAddress,
  ops: mm_walk_ops,
): Task<number> {
  const area = find_vm_area(k, start);
  if (area === undefined) {
    k.die({ how: 'oops', text: `__set_memory(): no vm_struct for ${hexAddress(start)} (NULL dereference)` });
    return yield* halt();
  }
  const page_start = Math.floor((start - area.addr) / k.page_size);
  const numpages = (end - start) / k.page_size;
  for (let i = page_start; i < page_start + numpages; i++) {
    const page = area.pages[i];
    if (page === undefined)
      throw new NotModelledError(
        `__set_memory() behind the last page of the area at ${hexAddress(area.addr)}`,
        'the kernel reads on in pages[], and takes what it finds for a struct page',
      );
    const lm_start = k.page_address(page);
    const ret = yield* set_linear(k, lm_start, lm_start + k.page_size, ops);
    if (ret !== 0) return ret;
  }
  return 0;
}

// ---- what others call. All fail as __set_memory() does, and may sleep.

/** :349 */
export function* set_memory_rw_nx(k: RiscvKernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* __set_memory(k, addr, numpages, _PAGE_READ | _PAGE_WRITE, _PAGE_EXEC);
}

/** :355 */
export function* set_memory_ro(k: RiscvKernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* __set_memory(k, addr, numpages, _PAGE_READ, _PAGE_WRITE);
}

/** :361 */
export function* set_memory_rw(k: RiscvKernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* __set_memory(k, addr, numpages, _PAGE_READ | _PAGE_WRITE, 0);
}

/** :367 */
export function* set_memory_x(k: RiscvKernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* __set_memory(k, addr, numpages, _PAGE_EXEC, 0);
}

/** :372 */
export function* set_memory_nx(k: RiscvKernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* __set_memory(k, addr, numpages, 0, _PAGE_EXEC);
}

/** Effect: none before 'set-memory-splits', for walk_page_range() finds nothing in init_mm. pageattr.c:153 (v5.10) */
function* set_direct_map(
  k: RiscvKernel,
  pfn: number,
  nr: number,
  set_mask: EntryFlags,
  clear_mask: EntryFlags,
): Task<number> {
  const start = k.page_address(pfn);
  if (k.has['set-memory-splits']) return yield* __set_memory(k, start, nr, set_mask, clear_mask);
  k.guard('set_direct_map_*()', 'walk_page_range() finds no VMA in init_mm, and looks at no table');
  yield* down_read(k, k.init_mm.mmap_lock);
  const ops = pageattr_ops(k, { set_mask, clear_mask });
  const ret = yield* walk_page_range(k, start, start + nr * k.page_size, ops);
  up_read(k, k.init_mm.mmap_lock);
  return ret;
}

/** Effect: the page is not in the direct map. For all its name it flushes. :377 */
export function* set_direct_map_invalid_noflush(k: RiscvKernel, pfn: number): Task<number> {
  return yield* set_direct_map(k, pfn, 1, 0, _PAGE_PRESENT);
}

/** Effect: the page is in the direct map, with PAGE_KERNEL's rights. For all its name it flushes. :383 */
export function* set_direct_map_default_noflush(k: RiscvKernel, pfn: number): Task<number> {
  const clear_mask = k.has['default-resets-exec'] ? _PAGE_EXEC : 0;
  return yield* set_direct_map(k, pfn, 1, PAGE_KERNEL(k), clear_mask);
}

/** Effect: as one of those two, for `nr` pages. :389 */
export function* set_direct_map_valid_noflush(
  k: RiscvKernel,
  pfn: number,
  nr: number,
  valid: boolean,
): Task<number> {
  if (valid) return yield* set_direct_map(k, pfn, nr, PAGE_KERNEL(k), _PAGE_EXEC);
  return yield* set_direct_map(k, pfn, nr, 0, _PAGE_PRESENT);
}

/**
 * Effect: with debug_pagealloc=on the pages are present, or not; before 'kernel-map-pages-atomic' all of the leaves
 * that they lie in. Failure: dropped. Context: any, but before that change it may sleep. :421; :187 (v5.10)
 */
export function* __kernel_map_pages(
  k: RiscvKernel,
  pfn: number,
  numpages: number,
  enable: number,
): Task<void> {
  if (!k.boot.debug_pagealloc) return;
  const start = k.page_address(pfn);
  const set_mask = enable !== 0 ? _PAGE_PRESENT : 0;
  const masks = { set_mask, clear_mask: enable !== 0 ? 0 : _PAGE_PRESENT };
  if (!k.has['kernel-map-pages-atomic']) {
    yield* __set_memory(k, start, numpages, masks.set_mask, masks.clear_mask);
    return;
  }
  const size = numpages * k.page_size;
  yield* apply_to_existing_page_range(k, start, size, (pte) => set_pageattr_masks(k, pte, masks));
  yield* flush_tlb_kernel_range(k, start, start + size);
}

/**
 * Whether the direct map has the page, or had it: an entry without V is taken for present. Without the change
 * present-tests-leaves a large leaf is taken for a table, and what the memory behind it holds for entries. :435
 */
export function* kernel_page_present(k: RiscvKernel, pfn: number): Task<boolean> {
  const addr = k.page_address(pfn);
  let table = k.root;
  for (let level: number = k.format.levels; ; level--) {
    const entry = entry_in(k, table, level, addr);
    yield* before_read(k, entry);
    if (level === 1 || !entry_present(k, entry, level)) return entry_present(k, entry, level);
    const leaf = entry_leaf(k, entry, level);
    if (leaf && k.has['present-tests-leaves']) return true;
    table = leaf ? table_behind(k, entry, level) : table_below(k, entry, level, addr);
  }
}

/** Where the entries are that are read where a leaf is taken for a table: in the memory that it maps. */
function table_behind(k: RiscvKernel, entry: number, level: number): number {
  return k.format.leafFrame(level, k.memory.low(entry), k.memory.high(entry)) * k.page_size;
}
