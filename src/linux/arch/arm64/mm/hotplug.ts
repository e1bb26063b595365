/**
 * Memory that is added and removed while the kernel runs (arch/arm64/mm/mmu.c, CONFIG_MEMORY_HOTPLUG). Line numbers are those
 * of v7.2; where another version differs, its line is named.
 */

import { NotModelledError } from '../../../../errors.ts';
import type { VirtualAddress } from '../../../../mmu/format.ts';
import { set_entry } from '../../../mm/entry.ts';
import type { FrameRange } from '../../../mm/frame_allocator.ts';
import { GFP_KERNEL } from '../../../mm/page_alloc.ts';
import { pagetable_free } from '../../../mm/pagetable.ts';
import { addr_end, entry_in, entry_leaf, entry_none, entry_present, table_of } from '../../../mm/pgtable.ts';
import { flush_pages } from '../../../mm/tlb_flush.ts';
import { halt, type TablePurpose, type Task } from '../../../task.ts';
import type { Arm64Kernel } from '../arm64_kernel.ts';
import { PAGE_KERNEL, pgprot_tagged } from '../include/asm/pgtable_prot.ts';
import { mapsByPages } from './map_mem.ts';
import {
  __create_pgd_mapping,
  NO_BLOCK_MAPPINGS,
  NO_CONT_MAPPINGS,
  NO_EXEC_MAPPINGS,
  pgd_pgtable_alloc_init_mm_gfp,
} from './mmu.ts';

/**
 * Effect: the memory is mapped as boot would have done it. Failure: -ENOMEM, with what was mapped gone again; before v7.2
 * the machine dies instead. :1957, :1521 (v5.10)
 */
export function* arch_add_memory(k: Arm64Kernel, range: FrameRange): Task<number> {
  const start = k.page_address(range.start);
  const size = (range.end - range.start) * k.page_size;
  if (!k.__is_lm_address(start) || !k.__is_lm_address(start + size - 1)) {
    throw new NotModelledError(
      'memory outside of what the direct map reaches',
      'kernels differ in who refuses it',
    );
  }
  const exec = k.has['tables-forbid-exec'] ? NO_EXEC_MAPPINGS : 0;
  const flags = exec | (mapsByPages(k) ? NO_BLOCK_MAPPINGS | NO_CONT_MAPPINGS : 0);
  const ret = yield* __create_pgd_mapping(k, range.start * k.page_size, start, size, {
    prot: pgprot_tagged(PAGE_KERNEL(k)),
    flags,
    pgtable_alloc: (purpose) => pgtable_alloc(k, purpose),
  });
  if (ret !== 0) yield* __remove_pgd_mapping(k, start, size);
  return ret;
}

/** :583; __pgd_pgtable_alloc(): :386 (v5.10) */
function* pgtable_alloc(k: Arm64Kernel, purpose: TablePurpose): Task<number | undefined> {
  const table = yield* pgd_pgtable_alloc_init_mm_gfp(k, purpose, GFP_KERNEL);
  if (table !== undefined || k.has['hotplug-can-fail']) return table;
  k.die({ how: 'BUG', text: 'BUG_ON(!ptr) in __pgd_pgtable_alloc()' });
  return yield* halt();
}

/** Effect: the memory is mapped no more, and tables that are empty then are free. :1992 */
export function* arch_remove_memory(k: Arm64Kernel, range: FrameRange): Task<void> {
  yield* __remove_pgd_mapping(k, k.page_address(range.start), (range.end - range.start) * k.page_size);
}

/** :1914 */
function* __remove_pgd_mapping(k: Arm64Kernel, start: VirtualAddress, size: number): Task<void> {
  const end = start + size;
  yield* unmap_hotplug_range(k, k.root, k.format.levels, start, end);
  yield* k.flush_tlb_kernel_range(start, end);
  yield* free_empty_tables(k, k.root, k.format.levels, start, end);
}

/** Effect: the range's leaves are empty entries. An entry that the kernel takes for not present is warned about. :1584, :957 (v5.10) */
function* unmap_hotplug_range(
  k: Arm64Kernel,
  table: number,
  level: number,
  start: VirtualAddress,
  end: VirtualAddress,
): Task<void> {
  for (let addr = start; addr < end; ) {
    const next = addr_end(k, level, addr, end);
    const entry = entry_in(k, table, level, addr);
    if (!entry_none(k, entry, level)) {
      const name = level === 1 ? 'pte' : k.format.levelName(level).toLowerCase();
      if (!entry_present(k, entry, level))
        k.warn(`WARN_ON(!${name}_present(${name})) in unmap_hotplug_${name}_range()`);
      if (level === 1 || entry_leaf(k, entry, level)) yield* set_entry(k, entry, 0, 0);
      else yield* unmap_hotplug_range(k, table_of(k, entry, level), level - 1, addr, next);
    }
    addr = next;
  }
}

/** Effect: tables of the range that have no entry any more are free. :1771, :1123 (v5.10) */
function* free_empty_tables(
  k: Arm64Kernel,
  table: number,
  level: number,
  start: VirtualAddress,
  end: VirtualAddress,
): Task<void> {
  for (let addr = start; addr < end; ) {
    const next = addr_end(k, level, addr, end);
    const entry = entry_in(k, table, level, addr);
    if (level > 1 && !entry_none(k, entry, level)) {
      const below = table_of(k, entry, level);
      yield* free_empty_tables(k, below, level - 1, addr, next);
      if (isEmpty(k, below, level - 1)) {
        yield* set_entry(k, entry, 0, 0);
        yield* flush_pages(k, 'all', addr, 1); // __flush_tlb_kernel_pgtable()
        yield* pagetable_free(k, below / k.page_size);
      }
    }
    addr = next;
  }
}

function isEmpty(k: Arm64Kernel, table: number, level: number): boolean {
  const bytes = 2 ** k.format.indexBits(level) * 8;
  for (let entry = table; entry < table + bytes; entry += 8) if (!entry_none(k, entry, level)) return false;
  return true;
}
