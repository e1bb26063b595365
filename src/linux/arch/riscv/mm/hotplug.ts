/** Memory that comes and goes while the kernel runs (arch/riscv/mm/init.c). Line numbers are those of v7.2. */

import { NotModelledError } from '../../../../errors.ts';
import type { VirtualAddress } from '../../../../mmu/format.ts';
import { NR_PAGETABLE } from '../../../kernel.ts';
import { before_read, set_entry } from '../../../mm/entry.ts';
import type { FrameRange } from '../../../mm/frame_allocator.ts';
import { __free_pages, free_reserved_page } from '../../../mm/page_alloc.ts';
import { __ClearPageTable, PageReserved } from '../../../mm/page_flags.ts';
import { pte_alloc_one_kernel } from '../../../mm/pagetable.ts';
import { table_below } from '../../../mm/pagewalk.ts';
import { addr_end, entry_in, entry_leaf, entry_none, entry_present, table_of } from '../../../mm/pgtable.ts';
import { halt, type Task } from '../../../task.ts';
import { PAGE_KERNEL, PAGE_TABLE, pfn_entry } from '../include/asm/pgtable.ts';
import type { RiscvKernel } from '../riscv_kernel.ts';
import { best_map_level } from './init.ts';
import { flush_tlb_all } from './tlbflush.ts';

const PUD = 3;

function check_hotplug(k: RiscvKernel): void {
  if (!k.has['memory-hotplug'])
    throw new NotModelledError('memory hotplug', `${k.version.name} does not have it for riscv64`);
}

// ---- adding

/**
 * Effect: the frames are in the direct map, by the largest leaves that fit. The kernel dies where there is no page
 * for a table. Context: may sleep. :1723
 */
export function* arch_add_memory(k: RiscvKernel, { start, end }: FrameRange): Task<number> {
  check_hotplug(k);
  for (let pfn = start; pfn < end; ) {
    const va = k.page_address(pfn);
    const level = best_map_level(k, pfn * k.page_size, va, (end - pfn) * k.page_size);
    yield* create_pgd_mapping(k, va, pfn, level);
    pfn += 2 ** (k.format.levelShift(level) - k.format.pageShift);
  }
  yield* flush_tlb_all(k);
  return 0;
}

/** As boot does it, with pages from the page allocator: pt_ops_set_late(). :687 */
function* create_pgd_mapping(k: RiscvKernel, va: VirtualAddress, pfn: number, leafLevel: number): Task<void> {
  let table = k.root;
  for (let level: number = k.format.levels; level > leafLevel; level--) {
    const entry = entry_in(k, table, level, va);
    yield* before_read(k, entry);
    if (entry_none(k, entry, level)) yield* alloc_late(k, entry, level, va);
    table = table_of(k, entry, level);
  }
  const entry = entry_in(k, table, leafLevel, va);
  yield* before_read(k, entry);
  if (!entry_none(k, entry, leafLevel)) return;
  const { low, high } = pfn_entry(k, leafLevel, pfn, PAGE_KERNEL(k));
  yield* set_entry(k, entry, low, high);
}

/** Effect: the entry names an empty table. alloc_pte_late() and its sisters, :425 to :603 */
function* alloc_late(k: RiscvKernel, entry: number, level: number, va: VirtualAddress): Task<void> {
  const covers = 2 ** k.format.levelShift(level);
  const purpose = { level: level - 1, address: Math.floor(va / covers) * covers };
  const page = yield* pte_alloc_one_kernel(k, purpose);
  if (page === undefined) {
    k.die({ how: 'BUG', text: 'BUG_ON(!ptdesc): no page for a table of added memory' });
    return yield* halt();
  }
  const { low, high } = pfn_entry(k, level, page, PAGE_TABLE);
  yield* set_entry(k, entry, low, high);
}

// ---- removing

/** Effect: the frames are in the direct map no more, but for 1G leaves without V. Context: may sleep. :1742 */
export function* arch_remove_memory(k: RiscvKernel, { start, end }: FrameRange): Task<void> {
  check_hotplug(k);
  yield* remove_mapping(k, k.root, k.format.levels, k.page_address(start), k.page_address(end));
  yield* flush_tlb_all(k); // remove_pgd_mapping()
  yield* flush_tlb_all(k); // arch_remove_memory()
}

/**
 * remove_pgd_mapping() and, a level down each, those that it calls. What counts as present, present or not, goes.
 * :1571
 */
function* remove_mapping(
  k: RiscvKernel,
  table: number,
  level: number,
  start: VirtualAddress,
  end: VirtualAddress,
): Task<void> {
  for (let addr = start; addr < end; ) {
    const next = addr_end(k, level, addr, end);
    const entry = entry_in(k, table, level, addr);
    yield* before_read(k, entry);
    if (entry_present(k, entry, level)) {
      if (entry_leaf(k, entry, level)) yield* set_entry(k, entry, 0, 0);
      else {
        const below = table_below(k, entry, level, addr);
        yield* remove_mapping(k, below, level - 1, addr, next);
        if (level < k.format.levels) yield* free_table(k, entry, level, below);
      }
    }
    addr = next;
  }
}

/**
 * Effect: a table that is empty is free. It is taken for one that was counted when it was made, which those of splits
 * and of boot were not. free_pte_table() and its sisters, :1488 to :1548
 */
function* free_table(k: RiscvKernel, entry: number, level: number, table: number): Task<void> {
  for (let i = 0; i < 2 ** k.format.indexBits(level - 1); i++)
    if (!entry_none(k, table + i * 8, level - 1)) return;
  const page = table / k.page_size;
  if (level <= PUD) {
    __ClearPageTable(k, page);
    k.vm_events.add(NR_PAGETABLE, -1);
  }
  if (PageReserved(k, page)) yield* free_reserved_page(k, page);
  else yield* __free_pages(k, page, 0);
  yield* set_entry(k, entry, 0, 0);
}
