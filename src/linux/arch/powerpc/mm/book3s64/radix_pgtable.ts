/** The radix tables of the direct map (arch/powerpc/mm/book3s64/radix_pgtable.c). Line numbers are those of v6.12. */

import type { EntryFlags, VirtualAddress } from '../../../../../mmu/format.ts';
import { _PAGE_EXEC, _PAGE_WRITE } from '../../../../../mmu/ppc64_radix.ts';
import { ENOMEM } from '../../../../errno.ts';
import { spin_lock, spin_unlock } from '../../../../kernel/locking/locks.ts';
import { before_read, set_entry } from '../../../../mm/entry.ts';
import { memblock_phys_alloc_range } from '../../../../mm/memblock.ts';
import { free_reserved_page } from '../../../../mm/page_alloc.ts';
import { PageReserved } from '../../../../mm/page_flags.ts';
import { pte_free_kernel } from '../../../../mm/pagetable.ts';
import {
  addr_end,
  entry_in,
  entry_leaf,
  entry_none,
  entry_present,
  table_of,
} from '../../../../mm/pgtable.ts';
import { table_alloc } from '../../../../mm/vmap.ts';
import type { Task } from '../../../../task.ts';
import { type BootState, panic } from '../../boot_state.ts';
import { PAGE_KERNEL, PAGE_KERNEL_X, pfn_pte } from '../../include/asm/book3s/64/pgtable.ts';
import { kfence_pool_size } from '../../include/asm/kfence.ts';
import type { PowerpcKernel } from '../../powerpc_kernel.ts';
import { pte_update } from '../pageattr.ts';
import { radix__flush_tlb_kernel_range } from './radix_tlb.ts';

const PTE = 1;
const PMD = 2;
const PUD = 3;

/** The part of a range that is being mapped by leaves of one size, where its tables should lie. */
interface Region {
  start: number;
  end: number;
}

/** Effect: a table's page is taken from memblock, inside of the region if possible. Panics if there is none. :41 */
function early_alloc_pgtable(init: BootState, region: Region): number {
  const { k, memblock } = init;
  const size = k.page_size;
  if (k.small) {
    init.next_small_table += size;
    return init.next_small_table - size;
  }
  const top = region.end === 0 ? Number.POSITIVE_INFINITY : region.end;
  const table =
    memblock_phys_alloc_range(memblock, size, size, region.start, top) ||
    memblock_phys_alloc_range(memblock, size, size, 0, top);
  if (table === 0) panic(k, `early_alloc_pgtable: Failed to allocate ${size} bytes`);
  return table;
}

/** Effect: one leaf at `level`, with the tables above it. Failure: -ENOMEM, or at boot a panic. :69, :140 */
function* __map_kernel_page(
  k: PowerpcKernel,
  ea: VirtualAddress,
  pa: number,
  flags: EntryFlags,
  level: number,
  init: BootState | undefined,
  region: Region,
): Task<number> {
  let table = k.root;
  for (let above = k.format.levels; above > level; above--) {
    const entry = entry_in(k, table, above, ea);
    if (init === undefined) {
      if (!(yield* table_alloc(k, entry, above, ea))) return -ENOMEM;
    } else if (entry_none(k, entry, above)) {
      const { low, high } = k.pgtable.table(above, early_alloc_pgtable(init, region));
      yield* set_entry(k, entry, low, high);
    }
    table = table_of(k, entry, above);
  }
  const { low, high } = pfn_pte(pa / k.page_size, k.page_size, flags);
  yield* set_entry(k, entry_in(k, table, level, ea), low, high);
  return 0;
}

/** Where the leaves of a map have to end, next after `addr`. Kernels that run elsewhere than at 0 are not modelled. :271 */
function next_boundary(k: PowerpcKernel, addr: number, end: number): number {
  const { srwx_boundary } = k.image;
  return strict_kernel_rwx(k) && addr < srwx_boundary ? srwx_boundary : end;
}

/** CONFIG_STRICT_KERNEL_RWX, which a kernel with hibernation does not have. arch/powerpc/Kconfig:154 (v6.12) */
export function strict_kernel_rwx(k: PowerpcKernel): boolean {
  return k.has['strict-kernel-rwx-64'] && k.config.STRICT_KERNEL_RWX && !k.config.HIBERNATION;
}

function overlaps_kernel_text(k: PowerpcKernel, start: number, end: number): boolean {
  return start < k.image.init_end && k.image.stext < end;
}

/**
 * Effect: [start, end) is mapped by the largest leaves that fit; those over the image can be executed. Failure: -ENOMEM
 * once the system runs, and what was mapped stays. :297
 */
export function* create_physical_mapping(
  k: PowerpcKernel,
  from: number,
  to: number,
  mapping_sz_limit: number,
  init?: BootState,
): Task<number> {
  let max_mapping_size = Math.min(k.memory_block_size, mapping_sz_limit);
  if (k.boot.debug_pagealloc && k.has['radix-debug-pagealloc']) max_mapping_size = k.page_size;
  let start = Math.ceil(from / k.page_size) * k.page_size;
  const end = Math.floor(to / k.page_size) * k.page_size;
  let level = 0;
  let exec = false;
  for (let addr = start; addr < end; addr += sizeOf(k, level)) {
    const gap = Math.min(next_boundary(k, addr, end) - addr, max_mapping_size);
    const before: { level: number; exec: boolean } = { level, exec };
    level = fits(k, PUD, addr, gap) ? PUD : fits(k, PMD, addr, gap) ? PMD : PTE;
    exec = overlaps_kernel_text(k, addr, addr + sizeOf(k, level));
    if (level !== before.level || exec !== before.exec) start = addr;
    const prot = exec ? PAGE_KERNEL_X : PAGE_KERNEL;
    const rc = yield* __map_kernel_page(k, k.__va(addr), addr, prot, level, init, { start, end });
    if (rc !== 0) return rc;
    k.direct_pages_count!.add(level, 1);
  }
  return 0;
}

function sizeOf(k: PowerpcKernel, level: number): number {
  return 2 ** k.format.levelShift(level);
}

function fits(k: PowerpcKernel, level: number, addr: number, gap: number): boolean {
  const size = sizeOf(k, level);
  return addr % size === 0 && gap >= size;
}

// ---- boot

/** Effect: KFENCE's pool is set aside, to be mapped by itself. 0 if KFENCE does not start with the system. :379 */
function alloc_kfence_pool(init: BootState): number {
  const { k, memblock } = init;
  const enabled = k.has.kfence && k.config.KFENCE && k.boot.kfence_sample_interval !== 0;
  const size = kfence_pool_size(k);
  const pool = enabled
    ? memblock_phys_alloc_range(memblock, size, k.page_size, 0, Number.POSITIVE_INFINITY)
    : 0;
  if (pool === 0) k.kfence_disabled = k.has['hash-kfence-early-pool'];
  return pool;
}

/** Effect: memory is mapped: all but KFENCE's pool by large leaves, the pool by base pages. :429 */
export function* radix_init_pgtable(init: BootState): Task<void> {
  const { k } = init;
  const early_pool = k.has['radix-kfence-pool'];
  const pool = early_pool ? alloc_kfence_pool(init) : 0;
  const pool_end = pool + (pool === 0 ? 0 : kfence_pool_size(k));
  for (const { start, end } of init.memblock.memory) {
    for (const part of without(start, end, pool, pool_end))
      yield* create_physical_mapping(k, part.start, part.end, Number.POSITIVE_INFINITY, init);
  }
  if (pool !== 0) yield* create_physical_mapping(k, pool, pool_end, k.page_size, init);
  const late = early_pool ? pool : alloc_kfence_pool(init);
  if (late !== 0)
    k.kfence_pool = { start: late / k.page_size, end: (late + kfence_pool_size(k)) / k.page_size };
}

/** for_each_mem_range() does not show what is marked nomap. */
function without(start: number, end: number, hole: number, hole_end: number): Region[] {
  return [
    { start, end: Math.min(end, Math.max(start, hole)) },
    { start: Math.max(start, Math.min(end, hole_end)), end },
  ]
    .filter((part) => part.start < part.end)
    .filter((part, i, parts) => i === 0 || part.start !== parts[0]!.start);
}

/** Effect: the bits are cleared in every leaf that maps a page of the range, wholly. Tables are not made. :189 */
function* radix__change_memory_range(
  k: PowerpcKernel,
  start: number,
  end: number,
  clear: EntryFlags,
): Task<void> {
  const last = Math.ceil(end / k.page_size) * k.page_size;
  for (let physical = start; physical < last; physical += k.page_size) {
    const leaf = leafEntry(k, k.__va(physical));
    if (leaf !== 0) yield* pte_update(k, leaf, clear, 0);
  }
  yield* radix__flush_tlb_kernel_range(k);
}

/** Physical address of the entry that maps `address`: a leaf, or the PTE. 0 if tables for it are missing. */
function leafEntry(k: PowerpcKernel, address: VirtualAddress): number {
  let table = k.root;
  for (let level = k.format.levels; ; level--) {
    const entry = entry_in(k, table, level, address);
    if (level <= PUD && entry_leaf(k, entry, level)) return entry;
    if (entry_none(k, entry, level)) return 0;
    table = table_of(k, entry, level);
  }
}

/** Effect: text and read-only data are not writable. :229 */
export function* radix__mark_rodata_ro(k: PowerpcKernel): Task<void> {
  yield* radix__change_memory_range(k, k.image.stext, k.image.srwx_boundary, _PAGE_WRITE);
}

/** Effect: __init is not executable. :247 */
export function* radix__mark_initmem_nx(k: PowerpcKernel): Task<void> {
  yield* radix__change_memory_range(k, k.image.srwx_boundary, k.image.init_end, _PAGE_EXEC);
}

// ---- memory hotplug

/** Effect: [start, end) is mapped. Failure: -ENOMEM, and what was mapped stays. :944 */
export function radix__create_section_mapping(k: PowerpcKernel, start: number, end: number): Task<number> {
  return create_physical_mapping(k, start, end, Number.POSITIVE_INFINITY);
}

/**
 * Effect: leaves that lie in the range as a whole are gone, and tables that are empty then. What is not present stays, with
 * its table: so do pages that debug_pagealloc has unmapped, and parts of leaves. :906
 */
export function* radix__remove_section_mapping(
  k: PowerpcKernel,
  start: VirtualAddress,
  end: VirtualAddress,
): Task<number> {
  yield* spin_lock(k, k.page_table_lock);
  yield* remove_table(k, k.root, k.format.levels, start, end);
  spin_unlock(k, k.page_table_lock);
  yield* radix__flush_tlb_kernel_range(k);
  return 0;
}

/** remove_pte_table() and its larger sisters. :797 to :936 */
function* remove_table(
  k: PowerpcKernel,
  table: number,
  level: number,
  start: VirtualAddress,
  end: VirtualAddress,
): Task<void> {
  let pages = 0;
  for (let addr = start, next = start; addr < end; addr = next) {
    next = addr_end(k, level, addr, end);
    const entry = entry_in(k, table, level, addr);
    yield* before_read(k, entry);
    if (!entry_present(k, entry, level)) continue;
    if (level <= PUD && entry_leaf(k, entry, level)) {
      const whole = next - addr === sizeOf(k, level);
      if (!whole) warn_partial(k, level);
      else {
        yield* set_entry(k, entry, 0, 0);
        pages++;
      }
    } else {
      yield* remove_table(k, table_of(k, entry, level), level - 1, addr, next);
      yield* free_table(k, entry, level);
    }
  }
  if (level <= PUD) k.direct_pages_count!.add(level, -pages);
}

function warn_partial(k: PowerpcKernel, level: number): void {
  if (level === PMD && k.has['remove-pmd-partial-silent']) return;
  const name = level === PUD ? 'remove_pud_table' : level === PMD ? 'remove_pmd_table' : 'remove_pte_table';
  k.warn_once(`${name} unaligned`, `${name}: unaligned range`);
}

/** Effect: the table that `entry`, at `level`, names is free if it is empty. :692 to :733 */
function* free_table(k: PowerpcKernel, entry: number, level: number): Task<void> {
  const table = table_of(k, entry, level);
  const entries = 2 ** k.format.indexBits(level - 1);
  for (let i = 0; i < entries; i++) if (!entry_none(k, table + i * 8, level - 1)) return;
  yield* free_table_page(k, Math.floor(table / k.page_size));
  yield* set_entry(k, entry, 0, 0);
}

/** Boot's tables come from memblock: they are freed as such. mm/book3s64/pgtable.c, pte_fragment_free() */
function* free_table_page(k: PowerpcKernel, pfn: number): Task<void> {
  if (PageReserved(k, pfn)) yield* free_reserved_page(k, pfn);
  else yield* pte_free_kernel(k, pfn);
}
