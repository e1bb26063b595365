/**
 * Memory that comes and goes while x86 runs (arch/x86/mm/init_64.c). Line numbers are those of v7.2. Addresses are in
 * bytes, physical in adding and virtual in removing. The struct pages' own mapping (vmemmap) is not modelled.
 */

import { NotModelledError } from '../../../../errors.ts';
import type { EntryFlags, VirtualAddress } from '../../../../mmu/format.ts';
import { _PAGE_PSE, PG_LEVEL_1G, PG_LEVEL_4K } from '../../../../mmu/x86_64.ts';
import { set_entry } from '../../../mm/entry.ts';
import type { FrameRange } from '../../../mm/frame_allocator.ts';
import { createMemblock } from '../../../mm/memblock.ts';
import { __GFP_ZERO, alloc_pages, free_reserved_page, GFP_ATOMIC } from '../../../mm/page_alloc.ts';
import { PageReserved } from '../../../mm/page_flags.ts';
import { pagetable_free } from '../../../mm/pagetable.ts';
import { addr_end, entry_in, entry_leaf, entry_none, entry_present, table_of } from '../../../mm/pgtable.ts';
import { flush_all } from '../../../mm/tlb_flush.ts';
import { halt, type Task } from '../../../task.ts';
import { PAGE_SIZE } from '../include/asm/page_types.ts';
import { _PAGE_TABLE, pte_pgprot, set_pfn } from '../include/asm/pgtable.ts';
import type { X86Kernel } from '../x86_kernel.ts';
import { add_pfn_range_mapped, split_mem_range } from './init.ts';
import { PAGE_KERNEL, sme_me_mask } from './init_64.ts';
import { update_page_count } from './pat/set_memory.ts';

// ---- adding

/** A table, empty. Without memory the kernel writes its entries through NULL. init.c:130 */
function* alloc_low_page(k: X86Kernel, level: number, address: VirtualAddress): Task<number> {
  const page = yield* alloc_pages(k, GFP_ATOMIC | __GFP_ZERO, 0, { level, address });
  if (page === undefined) {
    k.die({ how: 'oops', text: 'NULL pointer dereference in phys_pmd_init: there is no page for a table' });
    return yield* halt();
  }
  return page * PAGE_SIZE;
}

function bytesAt(k: X86Kernel, level: number): number {
  return 2 ** k.format.levelShift(level);
}

/**
 * Effect: [paddr, paddr_end) is mapped in `table`, whose entries are at `level`, as far as the table goes. What is mapped
 * already stays as it is, not present perhaps. :472, :523, :607
 */
function* phys_init(
  k: X86Kernel,
  table: number,
  level: number,
  paddr: number,
  paddr_end: number,
  page_size_mask: number,
  prot: EntryFlags,
): Task<void> {
  const size = bytesAt(k, level);
  let pages = 0;
  for (let from = paddr, next: number; from < paddr_end; from = next) {
    next = Math.min(paddr_end, (Math.floor(from / size) + 1) * size);
    const entry = entry_in(k, table, level, k.__va(from));
    const none = entry_none(k, entry, level);
    if (level === PG_LEVEL_4K) {
      if (!none) continue;
      pages++;
      yield* set_pfn(k, entry, from / PAGE_SIZE, prot);
    } else if (!none && !entry_leaf(k, entry, level)) {
      yield* phys_init(k, table_of(k, entry, level), level - 1, from, next, page_size_mask, prot);
    } else if ((page_size_mask & (1 << level)) !== 0) {
      if (!none) continue;
      pages++;
      const first = (Math.floor(from / size) * size) / PAGE_SIZE;
      yield* set_pfn(k, entry, first, prot | _PAGE_PSE);
    } else {
      const low = k.memory.low(entry);
      const kept = none ? prot : pte_pgprot(k, low, k.memory.high(entry)) & ~_PAGE_PSE;
      const below = yield* alloc_low_page(k, level - 1, k.__va(from));
      yield* phys_init(k, below, level - 1, from, next, page_size_mask, kept);
      yield* set_pfn(k, entry, below / PAGE_SIZE, _PAGE_TABLE | sme_me_mask(k));
    }
  }
  if (pages > 0) yield* update_page_count(k, level, pages);
}

/**
 * Effect: the frames are in the direct map, by leaves as large as boot would have used. What had been left of them by
 * arch_remove_memory() stays. Returns 0. Without memory for a table the machine dies. :959
 */
export function* arch_add_memory(k: X86Kernel, { start, end }: FrameRange): Task<number> {
  const init = { k, memblock: createMemblock() };
  for (const piece of split_mem_range(init, start * PAGE_SIZE, end * PAGE_SIZE)) {
    const { page_size_mask } = piece;
    yield* phys_init(k, k.root, k.format.levels, piece.start, piece.end, page_size_mask, PAGE_KERNEL(k));
  }
  add_pfn_range_mapped(k, start, end);
  return 0;
}

// ---- removing

/** Effect: the table is free, boot's too. :1008 */
function* free_pagetable(k: X86Kernel, page: number): Task<void> {
  if (PageReserved(k, page)) yield* free_reserved_page(k, page);
  else yield* pagetable_free(k, page);
}

/** Effect: the table under `entry` is free if all of its entries are none: an entry that is not present is not. :1048 */
function* free_table_if_none(k: X86Kernel, entry: number, level: number): Task<void> {
  const table = table_of(k, entry, level);
  for (let i = 0; i < k.ptrs_per_table; i++) if (!entry_none(k, table + i * 8, level - 1)) return;
  yield* free_pagetable(k, table / PAGE_SIZE);
  yield* set_entry(k, entry, 0, 0);
}

/** A leaf that the range does not cover whole: 1G, as whole blocks of memory are removed. */
function* partial_leaf(k: X86Kernel, level: number): Task<void> {
  if (k.has['hot-remove-trusts-alignment'] || level !== PG_LEVEL_1G) {
    throw new NotModelledError(
      'removing a part of a large leaf',
      'the kernel takes the memory behind it for a table',
    );
  }
  k.guard('remove_pud_table', 'the range is a part of a 1G leaf: the mapping of what is gone stays');
}

/**
 * Effect: nothing present of [addr, end) is mapped in `table`, whose entries are at `level`; tables that are empty now are
 * free. What is not present stays, and with it the table. :1101, :1143, :1184, :1217
 */
function* remove_table(
  k: X86Kernel,
  table: number,
  level: number,
  addr: VirtualAddress,
  end: VirtualAddress,
): Task<void> {
  const size = bytesAt(k, level);
  let pages = 0;
  for (let at = addr, next: number; at < end; at = next) {
    next = addr_end(k, level, at, end);
    const entry = entry_in(k, table, level, at);
    if (!entry_present(k, entry, level)) continue;
    if (level === PG_LEVEL_4K || entry_leaf(k, entry, level)) {
      if (next - at < size) {
        yield* partial_leaf(k, level);
        continue;
      }
      yield* set_entry(k, entry, 0, 0);
      pages++;
      continue;
    }
    yield* remove_table(k, table_of(k, entry, level), level - 1, at, next);
    if (level <= PG_LEVEL_1G || (k.pgtable_l5_enabled && level === k.format.levels - 1)) {
      yield* free_table_if_none(k, entry, level);
    }
  }
  if (level === PG_LEVEL_4K) yield* flush_all(k, 'all');
  if (pages > 0) yield* update_page_count(k, level, -pages);
}

/** Effect: what of the frames is present is mapped no more. :1274 */
export function* arch_remove_memory(k: X86Kernel, { start, end }: FrameRange): Task<void> {
  const first = k.__va(start * PAGE_SIZE);
  const last = k.__va(end * PAGE_SIZE);
  if (start % (k.pmd_size / PAGE_SIZE) !== 0 || end % (k.pmd_size / PAGE_SIZE) !== 0) {
    throw new NotModelledError(
      'removing memory that is not whole 2M',
      'memory goes by blocks of 128M or more',
    );
  }
  yield* remove_table(k, k.root, k.format.levels, first, last);
  yield* flush_all(k, 'all');
}
