/**
 * The direct map as the decompressor builds it since v6.12 (arch/s390/boot/vmem.c). Line numbers are those of v7.2.13.
 *
 * Of what it maps beside it only the kernel image is modelled: not the absolute lowcore, not the page to copy memory
 * through, and no KASAN shadow.
 */

import type { VirtualAddress } from '../../../../mmu/format.ts';
import { store_entry } from '../../../mm/entry.ts';
import { memblock_phys_alloc_range } from '../../../mm/memblock.ts';
import { addr_end, entry_in, entry_leaf, entry_none, table_of } from '../../../mm/pgtable.ts';
import { type BootState, panic } from '../boot_state.ts';
import { leaf_entry, PMD, PTE, PUD, table_entry } from '../include/asm/pgtable.ts';
import { PAGE_SIZE } from '../machine.ts';
import { update_page_count } from '../mm/pageattr.ts';
import { CRST_ALLOC_ORDER, table_init } from '../mm/pgalloc.ts';

/** What is mapped: which physical address stands behind an address, by what leaves, and whether it counts. */
interface PopulateMode {
  /** Virtual less physical address. */
  readonly offset: number;
  readonly large: boolean;
  readonly counted: boolean;
}

/** sizeof(struct lowcore), LC_PAGES. */
export const LOWCORE_SIZE = 2 * PAGE_SIZE;

/** Effect: an empty table, from the highest memory that is free. 16K or 4K each; before v7.2 2K for a page table. :234 */
function boot_table_alloc({ k }: BootState, level: number): number {
  const whole = k.has['decompressor-page-tables-whole-pages'];
  const page = whole ? PAGE_SIZE : PAGE_SIZE / 2;
  const size = level === PTE ? page : PAGE_SIZE * 2 ** CRST_ALLOC_ORDER(k);
  const table = memblock_phys_alloc_range(k.memblock!, size, size, 0, Number.MAX_SAFE_INTEGER);
  if (table === 0) panic(k, `out of memory allocating ${size} bytes`);
  table_init(k, table, level);
  return table;
}

/** Whether [addr, next) may be one leaf of a level. :301 */
function try_get_large(
  { k }: BootState,
  level: number,
  addr: VirtualAddress,
  next: VirtualAddress,
  mode: PopulateMode,
): boolean {
  const { edat1, edat2 } = k.machine.features;
  if (level > PUD || !mode.large || !(level === PMD ? edat1 : edat2)) return false;
  const size = 2 ** k.format.levelShift(level);
  return addr % size === 0 && next - addr === size && (addr - mode.offset) % size === 0;
}

/** Effect: [start, end) is mapped, where nothing was, below the entries of a table at `level`. :333, :354, :387, :420 */
function populate(
  init: BootState,
  table: number,
  level: number,
  start: VirtualAddress,
  end: VirtualAddress,
  mode: PopulateMode,
): void {
  const { k } = init;
  let pages = 0;
  for (let addr = start; addr < end; ) {
    const next = addr_end(k, level, addr, end);
    const entry = entry_in(k, table, level, addr);
    const none = entry_none(k, entry, level);
    if (none && (level === PTE || try_get_large(init, level, addr, next, mode))) {
      const pfn = (addr - mode.offset) / PAGE_SIZE;
      const { low, high } = leaf_entry(k, level, pfn, k.leaf_bits[level - 1]!.KERNEL);
      store_entry(k, entry, low, high);
      pages++;
    } else if (none) {
      const { low, high } = table_entry(k, level, boot_table_alloc(init, level - 1));
      store_entry(k, entry, low, high);
    }
    if (level > PTE && !entry_leaf(k, entry, level))
      populate(init, table_of(k, entry, level), level - 1, addr, next, mode);
    addr = next;
  }
  if (mode.counted) update_page_count(k, level, pages);
}

/** :440 */
function pgtable_populate(
  init: BootState,
  start: VirtualAddress,
  end: VirtualAddress,
  mode: PopulateMode,
): void {
  populate(init, init.k.root, init.k.format.levels, start, end, mode);
}

/**
 * Effect: the lowcore is mapped by 4K entries and not counted, all other memory by as large leaves as the machine has, and
 * the kernel image where it runs. :470
 */
export function setup_vmem(init: BootState): void {
  const { k } = init;
  table_init(k, k.root, k.format.levels);
  if (k.has_lowcore) pgtable_populate(init, 0, LOWCORE_SIZE, { offset: 0, large: false, counted: false });
  for (const { start, end } of init.memblock.memory) {
    const first = start === 0 && k.has_lowcore ? LOWCORE_SIZE : start;
    pgtable_populate(init, k.__va(first), k.__va(end), {
      offset: k.identity_base,
      large: true,
      counted: true,
    });
  }
  if (k.image === undefined) return;
  const { va, stext, end, amode31 } = k.image;
  pgtable_populate(init, va, va + end - stext, { offset: va - stext, large: true, counted: false });
  pgtable_populate(init, amode31.start, amode31.end, { offset: 0, large: true, counted: false });
}
