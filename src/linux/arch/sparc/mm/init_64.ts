/**
 * The direct map of sparc64 (arch/sparc/mm/init_64.c). The code is the same in all kernels modelled here. Line numbers are
 * those of v7.2.
 */

import { InputError, NotModelledError } from '../../../../errors.ts';
import { type EntryFlags, hexAddress, type VirtualAddress } from '../../../../mmu/format.ts';
import { set_entry } from '../../../mm/entry.ts';
import { memblock_phys_alloc_range } from '../../../mm/memblock.ts';
import { entry_in, entry_leaf, entry_none, table_of } from '../../../mm/pgtable.ts';
import { flush_pages } from '../../../mm/tlb_flush.ts';
import type { Task } from '../../../task.ts';
import type { BootState } from '../boot_state.ts';
import { entry_of, LINEAR_HUGE, PAGE_KERNEL } from '../include/asm/pgtable_64.ts';
import type { SparcKernel } from '../sparc_kernel.ts';

const PMD = 2;
const PUD = 3;

/** Translations of the TLB above 4M, largest first: bytes, and what SZ says. */
const SIZES = [
  { bytes: 2 ** 34, sz: 7 },
  { bytes: 2 ** 31, sz: 6 },
  { bytes: 2 ** 28, sz: 5 },
] as const;
const SZ4MB = 3;

/** SZ of the largest translation up to `bytes` that the machine has: kern_linear_pte_xor[]. :2199 */
function size_up_to(k: SparcKernel, bytes: number): number {
  const most = Math.min(bytes, k.machine.features.largest_page);
  return SIZES.find((size) => size.bytes <= most)?.sz ?? SZ4MB;
}

/** Effect: leaves at `level` for as much of the range as one translation takes, or for one entry. :1666, :1705 */
function* kernel_map_huge(
  k: SparcKernel,
  table: number,
  level: number,
  pstart: number,
  pend: number,
): Task<number> {
  const size = 2 ** k.format.levelShift(level);
  const whole = SIZES.find(
    ({ bytes }) =>
      bytes > size && (level === PUD || bytes < 2 ** 34) && pstart % bytes === 0 && pend - pstart >= bytes,
  );
  // A PUD entry that is no part of 16G is as large as 2G translations make it, a PMD entry as 4M ones.
  const sz = size_up_to(k, whole?.bytes ?? (level === PUD ? 2 ** 31 : 0));
  const end = pstart + (whole?.bytes ?? size);
  for (let physical = pstart; physical < end; physical += size) {
    const { low, high } = entry_of(physical, LINEAR_HUGE | sz);
    yield* set_entry(k, entry_in(k, table, level, k.__va(physical)), low, high);
  }
  return end;
}

/** Effect: a table's page is taken from memblock. Panics if there is none. */
function memblock_alloc_table(k: SparcKernel, init: BootState | undefined, vstart: VirtualAddress): number {
  if (init === undefined) {
    throw new NotModelledError(
      `a table for ${hexAddress(vstart)} after boot`,
      'kernel_map_range() would ask memblock, which has nothing to give by then',
    );
  }
  const size = k.page_size;
  if (k.small) {
    init.next_small_table += size;
    return init.next_small_table - size;
  }
  const table = memblock_phys_alloc_range(init.memblock, size, size, size, Number.POSITIVE_INFINITY);
  if (table !== 0) return table;
  const text = `kernel_map_range: Failed to allocate ${size} bytes`;
  k.die({ how: 'panic', text });
  const expected = 'one on which the kernel boots';
  throw new InputError({ code: 'bad-format', what: 'machine', where: '', found: text, expected });
}

/**
 * Effect: every page of the range has an entry with these bits, whatever it had. With `use_huge` and where nothing is yet, by
 * leaves as large as fit. Caller's duty: no leaf above the PTEs is in the way, which would be taken for a table. :1753
 */
function* kernel_map_range(
  k: SparcKernel,
  pstart: number,
  pend: number,
  prot: EntryFlags,
  use_huge: boolean,
  init?: BootState,
): Task<void> {
  for (let physical = pstart; physical < pend; ) {
    const vstart = k.__va(physical);
    let table = k.root;
    let next = physical;
    for (let level = k.format.levels; level >= PMD && next === physical; level--) {
      const entry = entry_in(k, table, level, vstart);
      if (entry_none(k, entry, level)) {
        const size = 2 ** k.format.levelShift(level);
        if (use_huge && level <= PUD && physical % size === 0 && pend - physical >= size) {
          next = yield* kernel_map_huge(k, table, level, physical, pend);
          continue;
        }
        const { low, high } = k.pgtable.table(level, memblock_alloc_table(k, init, vstart));
        yield* set_entry(k, entry, low, high);
      }
      if (entry_leaf(k, entry, level)) {
        throw new NotModelledError(
          `a large leaf at ${hexAddress(vstart)}`,
          'kernel_map_range() takes its memory for a table',
        );
      }
      table = table_of(k, entry, level);
    }
    physical = next > physical ? next : yield* map_ptes(k, table, physical, pend, prot);
  }
}

/** Effect: the PTEs of one table, as far as the range goes. Returns where that is. :1830 */
function* map_ptes(
  k: SparcKernel,
  table: number,
  pstart: number,
  pend: number,
  prot: EntryFlags,
): Task<number> {
  const size = 2 ** k.format.levelShift(PMD);
  const end = Math.min((Math.floor(pstart / size) + 1) * size, pend);
  for (let physical = pstart; physical < end; physical += k.page_size) {
    const { low, high } = entry_of(physical, prot);
    yield* set_entry(k, entry_in(k, table, 1, k.__va(physical)), low, high);
  }
  return end;
}

/** Effect: all memory is mapped: by base pages in a build with debug_pagealloc, be it on or off, else by large leaves. :1872 */
export function* kernel_physical_mapping_init(init: BootState): Task<void> {
  const { k } = init;
  const use_huge = !k.config.DEBUG_PAGEALLOC;
  for (const { start, end } of init.memblock.memory)
    yield* kernel_map_range(k, start, end, PAGE_KERNEL, use_huge, init);
}

/**
 * Effect: the pages have PAGE_KERNEL, or an entry with nothing but the frame. The TSB, which all CPUs share, forgets them;
 * of the TLBs this CPU's alone. :1902
 */
export function* __kernel_map_pages(
  k: SparcKernel,
  pfn: number,
  numpages: number,
  enable: number,
): Task<void> {
  const start = pfn * k.page_size;
  yield* kernel_map_range(k, start, start + numpages * k.page_size, enable !== 0 ? PAGE_KERNEL : 0, false);
  yield* flush_pages(k, 'local', k.page_address(pfn), numpages);
}
