/**
 * Making the direct map, and splitting its leaves (arch/arm64/mm/mmu.c). Line numbers are those of v7.2; where another
 * version has a function of its own, its line is named.
 */

import { PTE_CONT, PTE_PXN, PTE_TABLE_BIT, PTE_VALID } from '../../../../mmu/arm64.ts';
import type { EntryFlags, VirtualAddress } from '../../../../mmu/format.ts';
import { EBUSY, EINVAL, ENOMEM } from '../../../errno.ts';
import { down_write, up_write } from '../../../kernel/locking/locks.ts';
import { NR_PAGETABLE } from '../../../kernel.ts';
import { before_read, set_entry, store_entry } from '../../../mm/entry.ts';
import type { FrameRange } from '../../../mm/frame_allocator.ts';
import { is_kfence_address } from '../../../mm/kfence/core.ts';
import { alloc_pages, GFP_ATOMIC, GFP_KERNEL } from '../../../mm/page_alloc.ts';
import { __SetPageTable } from '../../../mm/page_flags.ts';
import { walk_kernel_page_table_range_lockless } from '../../../mm/pagewalk.ts';
import { addr_end, entry_in, entry_leaf, entry_none, entry_present, table_of } from '../../../mm/pgtable.ts';
import { halt, type TablePurpose, type Task } from '../../../task.ts';
import type { Arm64Kernel } from '../arm64_kernel.ts';
import { PAGE_END } from '../include/asm/memory.ts';
import { entry_is_table, phys_entry, pte_valid } from '../include/asm/pgtable.ts';
import { mk_pmd_sect_prot, PTE_PRESENT_INVALID, tableProt } from '../include/asm/pgtable_prot.ts';
import { cpu_supports_bbml2_noabort, system_supports_bbml2_noabort } from '../kernel/cpufeature.ts';
import { arm64_kfence_can_set_direct_map } from './pageattr.ts';

const PTE = 1;
const PMD = 2;
const PUD = 3;

// ---- creating mappings, at boot

export const NO_BLOCK_MAPPINGS = 1 << 0;
export const NO_CONT_MAPPINGS = 1 << 1;
/** Tables that are made on the way forbid the kernel to execute. */
export const NO_EXEC_MAPPINGS = 1 << 2;

/** How a range is to be mapped. */
export interface Mapping {
  readonly prot: EntryFlags;
  readonly flags: number;
  /** A page for a table, by its physical address. Failure: undefined. */
  pgtable_alloc(purpose: TablePurpose): Task<number | undefined>;
}

/**
 * Effect: [virt, virt + size) maps the memory from `phys`, by leaves as large as alignment and flags allow; what was mapped
 * gets the new protection. Caller's duty: whole pages, and no leaf where a table is needed. Failure: -ENOMEM, and what was
 * mapped before stays. :480, :358 (v5.10)
 */
export function* __create_pgd_mapping(
  k: Arm64Kernel,
  phys: number,
  virt: VirtualAddress,
  size: number,
  mapping: Mapping,
): Task<number> {
  return yield* alloc_init_table(k, k.root, k.format.levels, phys, virt, virt + size, mapping);
}

/** alloc_init_p4d() and alloc_init_pud(): every entry of one table above the PMDs. :429, :362 */
function* alloc_init_table(
  k: Arm64Kernel,
  table: number,
  level: number,
  phys: number,
  start: VirtualAddress,
  end: VirtualAddress,
  mapping: Mapping,
): Task<number> {
  if (level === PMD) return yield* alloc_init_cont_pmd(k, table, phys, start, end, mapping);
  for (let addr = start; addr < end; ) {
    const next = addr_end(k, level, addr, end);
    const entry = entry_in(k, table, level, addr);
    const physical = phys + (addr - start);
    if (
      level === PUD &&
      pud_sect_supported(k) &&
      mayBeBlock(k, entry, level, physical, addr, next, mapping)
    ) {
      set_huge(k, entry, physical, mapping.prot);
    } else {
      const below = yield* table_under(k, entry, level, addr, mapping);
      if (below === undefined) return -ENOMEM;
      const ret = yield* alloc_init_table(k, below, level - 1, physical, addr, next, mapping);
      if (ret !== 0) return ret;
    }
    addr = next;
  }
  return 0;
}

/** pgtable.h:1621 */
function pud_sect_supported(k: Arm64Kernel): boolean {
  return k.page_size === 4096;
}

/** Whether [addr, next) is to be a leaf of its level. Since v7.2, not where a table is already. :265, :336 */
function mayBeBlock(
  k: Arm64Kernel,
  entry: number,
  level: number,
  phys: number,
  addr: VirtualAddress,
  next: VirtualAddress,
  { flags }: Mapping,
): boolean {
  if ((flags & NO_BLOCK_MAPPINGS) !== 0) return false;
  if (!isAligned(2 ** k.format.levelShift(level), addr, next, phys)) return false;
  return !k.has['map-mem-overlaps'] || !entry_is_table(k.memory.low(entry));
}

function isAligned(size: number, ...values: readonly number[]): boolean {
  return values.every((value) => value % size === 0);
}

/** Effect: the entry is a block. pud_set_huge(), pmd_set_huge(): :1815, :1829 */
function set_huge(k: Arm64Kernel, entry: number, phys: number, prot: EntryFlags): void {
  const { low, high } = phys_entry(k, phys, mk_pmd_sect_prot(prot));
  store_entry(k, entry, low, high);
}

/** The table that the entry names. Effect: if it is empty, an empty table. Failure: undefined. :197 to :219 and its sisters */
function* table_under(
  k: Arm64Kernel,
  entry: number,
  level: number,
  addr: VirtualAddress,
  mapping: Mapping,
): Task<number | undefined> {
  if (!entry_none(k, entry, level)) return table_of(k, entry, level);
  const covers = 2 ** k.format.levelShift(level);
  const purpose = { level: level - 1, address: Math.floor(addr / covers) * covers };
  const table = yield* mapping.pgtable_alloc(purpose);
  if (table === undefined) return undefined;
  k.clear_page(table / k.page_size);
  const { low, high } = phys_entry(k, table, tableProt(k, (mapping.flags & NO_EXEC_MAPPINGS) !== 0));
  store_entry(k, entry, low, high);
  return table;
}

/** By groups of PMD entries that may be contiguous. :303 */
function* alloc_init_cont_pmd(
  k: Arm64Kernel,
  table: number,
  phys: number,
  start: VirtualAddress,
  end: VirtualAddress,
  mapping: Mapping,
): Task<number> {
  for (let addr = start; addr < end; ) {
    const next = cont_addr_end(k.CONT_PMD_SIZE, addr, end);
    const physical = phys + (addr - start);
    const prot = cont_prot(k, table, PMD, physical, addr, next, mapping);
    const ret = yield* init_pmd(k, table, physical, addr, next, prot, mapping);
    if (ret !== 0) return ret;
    addr = next;
  }
  return 0;
}

/** :252 */
function* init_pmd(
  k: Arm64Kernel,
  table: number,
  phys: number,
  start: VirtualAddress,
  end: VirtualAddress,
  prot: EntryFlags,
  mapping: Mapping,
): Task<number> {
  for (let addr = start; addr < end; ) {
    const next = addr_end(k, PMD, addr, end);
    const pmd = entry_in(k, table, PMD, addr);
    const physical = phys + (addr - start);
    if (mayBeBlock(k, pmd, PMD, physical, addr, next, mapping)) {
      set_huge(k, pmd, physical, prot);
    } else {
      const below = yield* table_under(k, pmd, PMD, addr, mapping);
      if (below === undefined) return -ENOMEM;
      alloc_init_cont_pte(k, below, physical, addr, next, { ...mapping, prot });
    }
    addr = next;
  }
  return 0;
}

/** By groups of PTEs that may be contiguous, and in each by pages. :195, :163 */
function alloc_init_cont_pte(
  k: Arm64Kernel,
  table: number,
  phys: number,
  start: VirtualAddress,
  end: VirtualAddress,
  mapping: Mapping,
): void {
  for (let addr = start; addr < end; ) {
    const next = cont_addr_end(k.CONT_PTE_SIZE, addr, end);
    const prot = cont_prot(k, table, PTE, phys + (addr - start), addr, next, mapping);
    for (; addr < next; addr += k.page_size) {
      const { low, high } = phys_entry(k, phys + (addr - start), prot);
      store_entry(k, entry_in(k, table, PTE, addr), low, high);
    }
  }
}

/** pte_cont_addr_end(), pmd_cont_addr_end(): pgtable.h:157 */
function cont_addr_end(size: number, addr: VirtualAddress, end: VirtualAddress): VirtualAddress {
  return Math.min(end, (Math.floor(addr / size) + 1) * size);
}

/** The protection of a group, with PTE_CONT if it can be contiguous. :226, :335 */
function cont_prot(
  k: Arm64Kernel,
  table: number,
  level: number,
  phys: number,
  addr: VirtualAddress,
  next: VirtualAddress,
  { prot, flags }: Mapping,
): EntryFlags {
  const entries = level === PTE ? k.CONT_PTES : k.CONT_PMDS;
  const size = entries * 2 ** k.format.levelShift(level);
  if (entries === 1 || (flags & NO_CONT_MAPPINGS) !== 0 || !isAligned(size, addr, next, phys)) return prot;
  const first = entry_in(k, table, level, addr);
  return k.has['map-mem-overlaps'] && range_has_valid_noncont(k, first, entries) ? prot : prot | PTE_CONT;
}

/** pte_range_has_valid_noncont(), pmd_range_has_valid_noncont(): :184, :292 */
function range_has_valid_noncont(k: Arm64Kernel, first: number, entries: number): boolean {
  for (let entry = first; entry < first + entries * 8; entry += 8)
    if (pte_valid(k.memory.low(entry)) && (k.memory.high(entry) & PTE_CONT) === 0) return true;
  return false;
}

// ---- splitting

/**
 * A table for splits, whose entries the caller makes. Failure: undefined. :577
 */
export function* pgd_pgtable_alloc_init_mm_gfp(
  k: Arm64Kernel,
  purpose: TablePurpose,
  gfp: number,
): Task<number | undefined> {
  const page = yield* alloc_pages(k, gfp, 0, purpose);
  if (page === undefined) return undefined;
  __SetPageTable(k, page);
  k.vm_events.add(NR_PAGETABLE, 1);
  return page * k.page_size;
}

/** Effect: no entry of the group has PTE_CONT. split_contpte(), split_contpmd(): :594, :640 */
function* split_cont(k: Arm64Kernel, entry: number, entries: number): Task<void> {
  const first = Math.floor(entry / (entries * 8)) * entries * 8;
  for (let each = first; each < first + entries * 8; each += 8)
    yield* set_entry(k, each, k.memory.low(each), k.memory.high(each) & ~PTE_CONT);
}

/**
 * Effect: the leaf is a table of leaves one level down, in groups if `to_cont`, valid or invalid as it was. Nothing is
 * flushed. Failure: -ENOMEM, with nothing done. split_pmd(), split_pud(): :603, :649
 */
function* split_leaf(
  k: Arm64Kernel,
  entry: number,
  level: number,
  addr: VirtualAddress,
  gfp: number,
  to_cont: boolean,
): Task<number> {
  const { format, memory } = k;
  const low = memory.low(entry);
  const high = memory.high(entry);
  const covers = 2 ** format.levelShift(level);
  const address = Math.floor(addr / covers) * covers;
  const table = yield* pgd_pgtable_alloc_init_mm_gfp(k, { level: level - 1, address }, gfp);
  if (table === undefined) return -ENOMEM;

  const pages = level - 1 === PTE;
  let prot = format.flags(level, low, high) & ~(PTE_TABLE_BIT | PTE_CONT);
  prot |= PTE_VALID | (pages ? PTE_TABLE_BIT : 0);
  if (!pte_valid(low)) prot = (prot | PTE_PRESENT_INVALID) & ~PTE_VALID;
  if (to_cont && (pages ? k.CONT_PTES : k.CONT_PMDS) > 1) prot |= PTE_CONT;

  const phys = format.leafFrame(level, low, high) * k.page_size;
  const step = 2 ** format.levelShift(level - 1);
  for (let i = 0; i < covers / step; i++) {
    const child = phys_entry(k, phys + i * step, prot);
    store_entry(k, table + i * 8, child.low, child.high);
  }
  const named = phys_entry(k, table, tableProt(k, (high & PTE_PXN) !== 0));
  yield* set_entry(k, entry, named.low, named.high);
  if (k.listening) k.emit({ kind: 'split', cpu: k.cpu, level, address, table: table / k.page_size });
  return 0;
}

/**
 * Effect: a leaf begins at `addr`, or none is there. Failure: -ENOMEM; a PUD that was split before a PMD could not be stays
 * so. Caller's duty: to hold pgtable_split_lock. :687
 */
function* split_kernel_leaf_mapping_locked(k: Arm64Kernel, addr: VirtualAddress): Task<number> {
  let table = k.root;
  for (let level = k.format.levels; level > PTE; level--) {
    if (level === PMD && isAligned(k.CONT_PMD_SIZE, addr)) return 0;
    if (level > PMD && isAligned(2 ** k.format.levelShift(level), addr)) return 0;
    const entry = entry_in(k, table, level, addr);
    yield* before_read(k, entry);
    if (!entry_present(k, entry, level)) return 0;
    if (entry_leaf(k, entry, level)) {
      if (level === PMD) {
        if ((k.memory.high(entry) & PTE_CONT) !== 0) yield* split_cont(k, entry, k.CONT_PMDS);
        if (isAligned(k.PMD_SIZE, addr)) return 0;
      }
      const ret = yield* split_leaf(k, entry, level, addr, GFP_KERNEL, true);
      if (ret !== 0) return ret;
    }
    table = table_of(k, entry, level);
  }
  if (isAligned(k.CONT_PTE_SIZE, addr)) return 0;
  const pte = entry_in(k, table, PTE, addr);
  yield* before_read(k, pte);
  if (entry_present(k, pte, PTE) && (k.memory.high(pte) & PTE_CONT) !== 0)
    yield* split_cont(k, pte, k.CONT_PTES);
  return 0;
}

/** Whether the direct map is mapped by pages from the start. :778 */
export function force_pte_mapping(k: Arm64Kernel): boolean {
  const bbml2 = k.system_capabilities_finalized
    ? system_supports_bbml2_noabort(k)
    : cpu_supports_bbml2_noabort(k);
  if (k.debug_pagealloc_enabled()) return true;
  if (bbml2) return false;
  return k.rodata_full || arm64_kfence_can_set_direct_map(k) || k.is_realm_world();
}

/**
 * Effect: a leaf begins at `start` and one at `end`, where this kernel splits: nowhere in a direct map of pages, nor in
 * KFENCE's pool. Failure: -EBUSY with a warning before the page allocator works, or as long as the other CPUs are up and
 * unknown; -EINVAL for parts of pages; -ENOMEM, and what has been split stays. Context: may sleep, where it splits. :793
 */
export function* split_kernel_leaf_mapping(
  k: Arm64Kernel,
  start: VirtualAddress,
  end: VirtualAddress,
): Task<number> {
  const where = 'split_kernel_leaf_mapping';
  if (!k.linear_map_requires_bbml2) {
    k.guard(where, 'linear_map_requires_bbml2 is false: nothing is split');
    return 0;
  }
  if (is_kfence_address(k, start)) {
    k.guard(where, "KFENCE's pool is mapped by pages: nothing is split");
    return 0;
  }
  if (!system_supports_bbml2_noabort(k)) {
    if (k.system_capabilities_finalized) {
      k.guard(where, 'some CPU lacks BBML2, so that boot has split all: nothing is split');
      return 0;
    }
    if (!k.page_alloc_available) {
      k.warn(`WARN_ON(!page_alloc_available) in ${where}()`);
      return -EBUSY;
    }
    if (k.num_online_cpus > 1) {
      k.warn(`WARN_ON(num_online_cpus() > 1) in ${where}()`);
      return -EBUSY;
    }
  }
  if (!isAligned(k.page_size, start, end)) return -EINVAL;

  yield* down_write(k, k.pgtable_split_lock);
  let ret: number;
  if (end - start === k.page_size) {
    ret = yield* split_kernel_leaf_mapping_locked(k, lessAligned(k, start, end));
  } else {
    ret = yield* split_kernel_leaf_mapping_locked(k, start);
    if (ret === 0) ret = yield* split_kernel_leaf_mapping_locked(k, end);
  }
  up_write(k, k.pgtable_split_lock);
  return ret;
}

/** Of the two ends of a page, that whose lowest bit is lower: a split there makes a leaf begin at the other, too. */
function lessAligned(k: Arm64Kernel, start: VirtualAddress, end: VirtualAddress): VirtualAddress {
  return isAligned(2 * k.page_size, start) ? end : start;
}

/** Effect: the range is mapped by pages, and none is contiguous. Failure: -ENOMEM, -EINVAL for an empty range. :923 */
function* range_split_to_ptes(
  k: Arm64Kernel,
  start: VirtualAddress,
  end: VirtualAddress,
  gfp: number,
): Task<number> {
  return yield* walk_kernel_page_table_range_lockless(k, start, end, {
    *pud_entry(pud, addr) {
      return entry_leaf(k, pud, PUD) ? yield* split_leaf(k, pud, PUD, addr, gfp, false) : 0;
    },
    *pmd_entry(pmd, addr, _next, walk) {
      if (!entry_leaf(k, pmd, PMD)) return 0;
      if ((k.memory.high(pmd) & PTE_CONT) !== 0) yield* split_cont(k, pmd, k.CONT_PMDS);
      walk.action = 'CONTINUE';
      return yield* split_leaf(k, pmd, PMD, addr, gfp, false);
    },
    *pte_entry(pte) {
      if ((k.memory.high(pte) & PTE_CONT) !== 0) yield* split_cont(k, pte, k.CONT_PTES);
      return 0;
    },
  });
}

/**
 * Effect: if the direct map has leaves that only BBML2 lets the kernel split, and some CPU turns out to lack it, all but
 * the alias of the image is split to pages while the other CPUs wait. Failure: the machine dies for want of memory. :1002
 */
export function* linear_map_maybe_split_to_ptes(k: Arm64Kernel): Task<void> {
  if (!k.linear_map_requires_bbml2 || system_supports_bbml2_noabort(k)) return;
  const lstart = k.page_offset;
  const lend = PAGE_END(k);
  const { image } = k;
  const ranges =
    image === undefined
      ? [{ start: lstart, end: lend }]
      : [
          { start: lstart, end: k.__va(image.stext) },
          { start: k.__va(image.init_begin), end: lend },
        ];
  for (const { start, end } of ranges) {
    if ((yield* range_split_to_ptes(k, start, end, GFP_ATOMIC)) === 0) continue;
    k.die({ how: 'panic', text: 'Failed to split linear map' });
    return yield* halt();
  }
  yield* k.flush_tlb_kernel_range(lstart, lend);
}

// ---- KFENCE

/** Effect: the pool is mapped by pages. Failure: false. Context: may sleep, where it splits. :1109 */
export function* arch_kfence_init_pool(k: Arm64Kernel, pool: FrameRange): Task<boolean> {
  if (!k.has['linear-map-split'] || force_pte_mapping(k) || k.kfence_early_init) {
    k.guard('arch_kfence_init_pool', 'the pool is mapped by pages: nothing is split');
    return true;
  }
  yield* down_write(k, k.pgtable_split_lock);
  const start = k.page_address(pool.start);
  const end = k.page_address(pool.end);
  const ret = yield* range_split_to_ptes(k, start, end, GFP_KERNEL);
  up_write(k, k.pgtable_split_lock);
  return ret === 0;
}
