/**
 * The memory map that firmware hands over, and what the kernel makes of it (arch/x86/kernel/e820.c).
 *
 * Addresses are physical, in bytes; ends are exclusive. E820_TYPE_RESERVED_KERN, which kernels before
 * 'e820-no-reserved-kern' give the boot loader's setup data, does not occur: no machine here has such data.
 */

import type { MemoryRange, MemoryType } from '../../../machine.ts';
import { memblock_add, memblock_trim_memory } from '../../../mm/memblock.ts';
import { register_nosave_region } from '../../../mm/page_flags.ts';
import type { BootState } from '../boot_state.ts';
import { PAGE_SIZE } from '../include/asm/page_types.ts';
import type { X86Kernel } from '../x86_kernel.ts';

/** Ascending and disjoint. */
export type E820Table = MemoryRange[];

/** Physical address bits that a direct map of 4 or 5 levels has room for. asm/sparsemem.h:29 (v7.2) */
const MAX_PHYSMEM_BITS_L4 = 46;
const MAX_PHYSMEM_BITS_L5 = 52;

/** Whether some of [start, end) has the type. e820.c:99 (v7.2) */
export function e820__mapped_any(
  table: readonly MemoryRange[],
  start: number,
  end: number,
  type: MemoryType,
): boolean {
  return table.some((entry) => entry.type === type && entry.start < end && start < entry.end);
}

/** Whether all of [start, end) has the type. e820.c:147 (v7.2) */
export function e820__mapped_all(
  table: readonly MemoryRange[],
  start: number,
  end: number,
  type: MemoryType,
): boolean {
  let from = start;
  for (const entry of table) {
    if (entry.type === type && entry.start <= from) from = Math.max(from, entry.end);
  }
  return from >= end;
}

/** Effect: [start, end) has the type, whatever it was. e820.c:185 (v7.2) */
export function e820__range_add(
  table: readonly MemoryRange[],
  start: number,
  end: number,
  type: MemoryType,
): E820Table {
  const outside = table.flatMap((entry) => cut(entry, start, end).outside);
  return e820__update_table([...outside, { start, end, type }]);
}

/** Effect: what of [start, end) has `old_type` gets `new_type`. e820.c:543 (v7.2) */
export function e820__range_update(
  table: readonly MemoryRange[],
  start: number,
  end: number,
  old_type: MemoryType,
  new_type: MemoryType,
): E820Table {
  return e820__update_table(
    table.flatMap((entry) => {
      if (entry.type !== old_type) return [entry];
      const { inside, outside } = cut(entry, start, end);
      return [...outside, ...inside.map((part) => ({ ...part, type: new_type }))];
    }),
  );
}

/** Effect: nothing is known of what of [start, end) has `type`. e820.c:555 (v7.2) */
export function e820__range_remove(
  table: readonly MemoryRange[],
  start: number,
  end: number,
  type: MemoryType,
): E820Table {
  return table.flatMap((entry) => (entry.type === type ? cut(entry, start, end).outside : [entry]));
}

/** Sorted, and neighbours of one type made one. e820.c:344 (v7.2) */
function e820__update_table(table: readonly MemoryRange[]): E820Table {
  const sorted: E820Table = [];
  for (const entry of table.toSorted((a, b) => a.start - b.start)) {
    const last = sorted.at(-1);
    if (last !== undefined && last.type === entry.type && last.end === entry.start) {
      sorted[sorted.length - 1] = { ...last, end: entry.end };
    } else {
      sorted.push(entry);
    }
  }
  return sorted;
}

function cut(
  entry: MemoryRange,
  start: number,
  end: number,
): { inside: MemoryRange[]; outside: MemoryRange[] } {
  const parts = [
    { ...entry, end: Math.min(entry.end, start) },
    { ...entry, start: Math.max(entry.start, start), end: Math.min(entry.end, end) },
    { ...entry, start: Math.max(entry.start, end) },
  ];
  const inside = parts.slice(1, 2).filter((part) => part.start < part.end);
  return { inside, outside: [parts[0]!, parts[2]!].filter((part) => part.start < part.end) };
}

/**
 * Bytes of physical memory that the direct map has room for: MAXMEM, or in a geometry smaller than the hardware's
 * what the top table can map, but for the last quarter, which is vmalloc's.
 */
export function maxmem(k: X86Kernel): number {
  if (k.machine.index_bits < 9) return (k.pgdir_size * k.ptrs_per_table * 3) / 4;
  return 2 ** (k.pgtable_l5_enabled ? MAX_PHYSMEM_BITS_L5 : MAX_PHYSMEM_BITS_L4);
}

/** One past the last frame of RAM, and since 'e820-keeps-acpi' of ACPI tables. e820.c:896 (v7.2) */
export function e820__end_of_ram_pfn(init: BootState): number {
  const { k } = init;
  const counts = (type: MemoryType) => type === 'RAM' || (type === 'ACPI' && k.has['e820-keeps-acpi']);
  const ends = init.e820_table
    .filter(({ type }) => counts(type))
    .map(({ end }) => Math.floor(end / PAGE_SIZE));
  return Math.min(Math.max(0, ...ends), maxmem(k) / PAGE_SIZE);
}

/** Effect: memblock knows the RAM, without the pages that are RAM in part. e820.c:1288 (v7.2) */
export function e820__memblock_setup(init: BootState): void {
  init.memblock.bottom_up = init.k.boot.movable_node;
  for (const { start, end, type } of init.e820_table) {
    if (type === 'RAM') memblock_add(init.memblock, start, end - start);
  }
  memblock_trim_memory(init.memblock, PAGE_SIZE);
}

/** Effect: hibernation leaves out all frames up to `limit_pfn` that are not RAM as a whole. e820.c:784 (v7.2) */
export function e820__register_nosave_regions(init: BootState, limit_pfn: number): void {
  let pfn = 0;
  for (const { start, end, type } of init.e820_table) {
    if (type !== 'RAM') continue;
    const first = Math.min(limit_pfn, Math.ceil(start / PAGE_SIZE));
    if (pfn < first) register_nosave_region(init.k, pfn, first);
    pfn = Math.max(pfn, Math.floor(end / PAGE_SIZE));
  }
  if (pfn < limit_pfn) register_nosave_region(init.k, pfn, limit_pfn);
}
