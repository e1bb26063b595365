/**
 * Mapping memory and taking it out again (arch/s390/mm/vmem.c): the boot of kernels before v6.12, and memory hotplug. Line
 * numbers are those of v7.2.13 unless another version is named.
 *
 * Of what it does only the direct map is modelled, not the memory map (vmemmap).
 */

import { NotModelledError } from '../../../../errors.ts';
import type { VirtualAddress } from '../../../../mmu/format.ts';
import { EINVAL, ENOMEM, ERANGE } from '../../../errno.ts';
import { down_write, up_write } from '../../../kernel/locking/locks.ts';
import { before_read, set_entry } from '../../../mm/entry.ts';
import type { FrameRange } from '../../../mm/frame_allocator.ts';
import { addr_end, entry_in, entry_leaf, entry_none, table_of } from '../../../mm/pgtable.ts';
import type { Task } from '../../../task.ts';
import { leaf_entry, PMD, PTE, PUD, table_entry } from '../include/asm/pgtable.ts';
import { flush_tlb_kernel_range } from '../include/asm/tlbflush.ts';
import type { S390Kernel } from '../s390_kernel.ts';
import { split_pud_page, update_page_count } from './pageattr.ts';
import { vmem_crst_alloc, vmem_crst_free, vmem_pte_alloc, vmem_pte_free } from './pgalloc.ts';

/** Effect: pte_clear(), pmd_clear(), pud_clear(), ... pgtable.h:1018 */
function* clear(k: S390Kernel, entry: number, level: number): Task<void> {
  yield* set_entry(k, entry, k.format.emptyEntry(level), 0);
}

function* set_leaf(k: S390Kernel, entry: number, level: number, addr: VirtualAddress): Task<void> {
  const prot = k.leaf_bits[level - 1]!.KERNEL;
  const { low, high } = leaf_entry(k, level, (addr - k.identity_base) / k.page_size, prot);
  yield* set_entry(k, entry, low, high);
}

/** Whether [addr, next) may be one leaf of a level. 5.10 keeps address 0 from it. :257 and :348 */
function may_be_leaf(k: S390Kernel, level: number, addr: VirtualAddress, next: VirtualAddress): boolean {
  const { edat1, edat2 } = k.machine.features;
  const size = 2 ** k.format.levelShift(level);
  return (
    addr % size === 0 &&
    next % size === 0 &&
    (level === PMD ? edat1 : edat2) &&
    (addr !== 0 || k.has['lowcore-split-later'] || !k.has_lowcore) &&
    !k.boot.debug_pagealloc
  );
}

/** Effect: the pages of [start, end) in one page table are mapped where nothing was, or are not mapped. :167 */
function* modify_pte_table(
  k: S390Kernel,
  pmd: number,
  start: VirtualAddress,
  end: VirtualAddress,
  add: boolean,
): Task<number> {
  const table = table_of(k, pmd, PMD);
  let pages = 0;
  for (let addr = start; addr < end; addr += k.page_size) {
    const pte = entry_in(k, table, PTE, addr);
    yield* before_read(k, pte);
    if (entry_none(k, pte, PTE) !== add) continue;
    if (add) yield* set_leaf(k, pte, PTE, addr);
    else yield* clear(k, pte, PTE);
    pages++;
  }
  update_page_count(k, PTE, add ? pages : -pages);
  return 0;
}

/** Effect: a table that maps nothing is free, and the entry above it none. :207, :304, :374 */
function* try_free_table(k: S390Kernel, entry: number, level: number): Task<void> {
  const table = table_of(k, entry, level);
  for (let i = 0; i < 2 ** k.format.indexBits(level - 1); i++) {
    if (!entry_none(k, table + i * 8, level - 1)) return;
  }
  if (level === PMD) yield* vmem_pte_free(k, table);
  else yield* vmem_crst_free(k, table);
  yield* clear(k, entry, level);
}

/** Effect: as above, for one segment table. A 1M leaf of which a part goes stays whole. Failure: -ENOMEM. :223 */
function* modify_pmd_table(
  k: S390Kernel,
  pud: number,
  start: VirtualAddress,
  end: VirtualAddress,
  add: boolean,
): Task<number> {
  const table = table_of(k, pud, PUD);
  const size = 2 ** k.format.levelShift(PMD);
  let pages = 0;
  let ret = 0;
  for (let addr = start; addr < end && ret === 0; ) {
    const next = addr_end(k, PMD, addr, end);
    const pmd = entry_in(k, table, PMD, addr);
    yield* before_read(k, pmd);
    const none = entry_none(k, pmd, PMD);
    if (!none && entry_leaf(k, pmd, PMD)) {
      if (!add && addr % size === 0 && next % size === 0) {
        yield* clear(k, pmd, PMD);
        pages++;
      }
    } else if (none && add && may_be_leaf(k, PMD, addr, next)) {
      yield* set_leaf(k, pmd, PMD, addr);
      pages++;
    } else if (add || !none) {
      if (none) ret = yield* populate(k, pmd, PMD, addr);
      if (ret === 0) ret = yield* modify_pte_table(k, pmd, addr, next, add);
      if (!add) yield* try_free_table(k, pmd, PMD);
    }
    addr = next;
  }
  update_page_count(k, PMD, add ? pages : -pages);
  return ret;
}

/** Effect: an empty table hangs at the entry. Failure: -ENOMEM. pmd_populate() and its sisters, asm/pgalloc.h:118 */
function* populate(k: S390Kernel, entry: number, level: number, addr: VirtualAddress): Task<number> {
  const size = 2 ** k.format.levelShift(level);
  const purpose = { level: level - 1, address: Math.floor(addr / size) * size };
  const table = yield* level === PMD ? vmem_pte_alloc(k, purpose) : vmem_crst_alloc(k, purpose);
  if (table === undefined) return -ENOMEM;
  const { low, high } = table_entry(k, level, table);
  yield* set_entry(k, entry, low, high);
  return 0;
}

/**
 * Effect: as above, for one region-third table. A 2G leaf of which a part goes stays whole, or is split before: nobody looks
 * whether that worked, and the memory of a leaf that is still there is taken for a segment table. :317
 */
function* modify_pud_table(
  k: S390Kernel,
  table: number,
  start: VirtualAddress,
  end: VirtualAddress,
  add: boolean,
): Task<number> {
  const size = 2 ** k.format.levelShift(PUD);
  let pages = 0;
  let ret = 0;
  for (let addr = start; addr < end && ret === 0; ) {
    const next = addr_end(k, PUD, addr, end);
    const pud = entry_in(k, table, PUD, addr);
    yield* before_read(k, pud);
    const none = entry_none(k, pud, PUD);
    const whole = addr % size === 0 && next % size === 0;
    if (!none && entry_leaf(k, pud, PUD) && (add || whole || !k.has['hot-remove-splits-2g'])) {
      if (!add && whole) {
        yield* clear(k, pud, PUD);
        pages++;
      }
    } else if (none && add && may_be_leaf(k, PUD, addr, next)) {
      yield* set_leaf(k, pud, PUD, addr);
      pages++;
    } else if (add || !none) {
      if (none) ret = yield* populate(k, pud, PUD, addr);
      else if (entry_leaf(k, pud, PUD)) yield* split_for_removal(k, pud, addr);
      if (ret === 0) ret = yield* modify_pmd_table(k, pud, addr, next, add);
      if (!add) yield* try_free_table(k, pud, PUD);
    }
    addr = next;
  }
  update_page_count(k, PUD, add ? pages : -pages);
  return ret;
}

/** @throws NotModelledError after a failure: what happens then depends on the memory of the leaf. :342 */
function* split_for_removal(k: S390Kernel, pud: number, addr: VirtualAddress): Task<void> {
  if ((yield* split_pud_page(k, pud, addr)) === 0) return;
  throw new NotModelledError(
    'vmem_remove_mapping() of a part of a 2G leaf that could not be split',
    'the kernel goes on, takes the memory that the leaf maps for a segment table, and clears entries in it',
  );
}

/** Effect: as above, for what one region-second entry maps. :388 */
function* modify_p4d(
  k: S390Kernel,
  p4d: number,
  start: VirtualAddress,
  end: VirtualAddress,
  add: boolean,
): Task<number> {
  const P4D = k.format.levels;
  let ret = 0;
  if (entry_none(k, p4d, P4D)) {
    if (!add) return 0;
    ret = yield* populate(k, p4d, P4D, start);
  }
  if (ret === 0) ret = yield* modify_pud_table(k, table_of(k, p4d, P4D), start, end, add);
  if (!add) yield* try_free_table(k, p4d, P4D);
  return ret;
}

/** Effect: [start, end) is mapped, or not. Failure: -ENOMEM, with a part mapped. :434 */
function* modify_pagetable(
  k: S390Kernel,
  start: VirtualAddress,
  end: VirtualAddress,
  add: boolean,
): Task<number> {
  if (start % k.page_size !== 0 || end % k.page_size !== 0) {
    k.warn_once('modify_pagetable', 'modify_pagetable: a range that does not begin and end with pages');
    return -EINVAL;
  }
  const P4D = k.format.levels;
  let ret = 0;
  for (let addr = start; addr < end && ret === 0; ) {
    const next = P4D === PUD ? end : addr_end(k, P4D, addr, end);
    if (P4D === PUD) ret = yield* modify_pud_table(k, k.root, addr, next, add);
    else ret = yield* modify_p4d(k, entry_in(k, k.root, P4D, addr), addr, next, add);
    addr = next;
  }
  if (!add) yield* flush_tlb_kernel_range(k, start, end);
  return ret;
}

/** Effect: physical [start, start + size) is in the direct map. Failure: -ENOMEM. :495 */
export function* vmem_add_range(k: S390Kernel, start: number, size: number): Task<number> {
  return yield* modify_pagetable(k, k.__va(start), k.__va(start + size), true);
}

function* vmem_remove_range(k: S390Kernel, start: number, size: number): Task<void> {
  yield* modify_pagetable(k, k.__va(start), k.__va(start + size), false);
}

/** Effect: physical [start, start + size) is in the direct map no more, as far as that goes without words. :539 */
export function* vmem_remove_mapping(k: S390Kernel, start: number, size: number): Task<void> {
  yield* down_write(k, k.vmem_mutex);
  yield* vmem_remove_range(k, start, size);
  up_write(k, k.vmem_mutex);
}

/** Effect: physical [start, start + size) is in the direct map. Failure: -ERANGE, or -ENOMEM with nothing mapped. :555 */
export function* vmem_add_mapping(k: S390Kernel, start: number, size: number): Task<number> {
  if (start + size > k.max_mappable) return -ERANGE;
  yield* down_write(k, k.vmem_mutex);
  const ret = yield* vmem_add_range(k, start, size);
  if (ret !== 0) yield* vmem_remove_range(k, start, size);
  up_write(k, k.vmem_mutex);
  return ret;
}

/** Effect: the frames are in the direct map. Failure: as above. init.c:260 */
export function arch_add_memory(k: S390Kernel, { start, end }: FrameRange): Task<number> {
  return vmem_add_mapping(k, start * k.page_size, (end - start) * k.page_size);
}

/** Effect: the frames are in the direct map no more. init.c:281 */
export function arch_remove_memory(k: S390Kernel, { start, end }: FrameRange): Task<void> {
  return vmem_remove_mapping(k, start * k.page_size, (end - start) * k.page_size);
}
