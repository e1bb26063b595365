/** Memory-type reservations, as arch/x86/mm/pat/memtype.c makes them. PAT is enabled on every machine modelled. */

import type { X86MemoryType } from '../../../../../mmu/x86_64.ts';
import { EBUSY, EINVAL } from '../../../../errno.ts';
import type { X86Kernel } from '../../x86_kernel.ts';

const ISA_END_ADDRESS = 0x100000;
const __PHYSICAL_MASK_BYTES = 2 ** 52;

/** A decoy address (bit 63 flipped) gives a physical address with bit 63 set; take it off. */
function sanitize_phys(address: number): number {
  return address - Math.floor(address / __PHYSICAL_MASK_BYTES) * __PHYSICAL_MASK_BYTES;
}

/** The ISA range is always mapped WB and not tracked. */
function is_untracked_pat_range(start: number, end: number): boolean {
  return start >= 0xa0000 && end <= ISA_END_ADDRESS;
}

/** 1 if [start, end) is all RAM, 0 if none of it is, -1 if it is mixed. memtype.c:398 (v7.2). */
function pat_pagerange_is_ram(k: X86Kernel, start: number, end: number): number {
  const end_pfn = Math.ceil(end / 4096);
  const start_pfn = Math.max(Math.floor(start / 4096), ISA_END_ADDRESS / 4096);
  // Counted from the range's own start: one that begins in the ISA range and ends in RAM is mixed.
  let cur_pfn = Math.floor(start / 4096);
  let ram = false;
  let not_ram = false;
  for (const range of k.machine.memory) {
    if (range.type !== 'RAM') continue;
    const from = Math.max(Math.ceil(range.start / 4096), start_pfn);
    const to = Math.min(Math.floor(range.end / 4096), end_pfn);
    if (from >= to) continue;
    not_ram ||= from > cur_pfn;
    ram = true;
    cur_pfn = to;
    if (not_ram) return -1;
  }
  return ram ? 1 : 0;
}

/** Effect: every page gets the type, if all were WB. Failure: -EBUSY, nothing changed. memtype.c:441 (v7.2). */
function reserve_ram_pages_type(k: X86Kernel, start: number, end: number, req_type: X86MemoryType): number {
  if (req_type === 'WP') return -EINVAL;
  for (let pfn = Math.floor(start / 4096); pfn < Math.floor(end / 4096); pfn++) {
    if (k.memtypes.ofPage(pfn) === 'WB') continue;
    k.printk(
      'info',
      `x86/PAT: reserve_ram_pages_type failed [mem 0x${start.toString(16)}-0x${(end - 1).toString(16)}]`,
    );
    return -EBUSY;
  }
  for (let pfn = Math.floor(start / 4096); pfn < Math.floor(end / 4096); pfn++)
    k.memtypes.setPage(pfn, req_type);
  return 0;
}

/**
 * Effect: [start, end) is reserved with `req_type`. Failure: -EBUSY if it has another type, -EINVAL if it is empty or
 * partly RAM. memtype.c:520 (v7.2).
 */
export function memtype_reserve(k: X86Kernel, from: number, to: number, req_type: X86MemoryType): number {
  const start = sanitize_phys(from);
  const end = sanitize_phys(to - 4096) + 4096;
  if (start >= end) {
    k.warn(`memtype_reserve failed: [mem 0x${start.toString(16)}-0x${end.toString(16)}], req ${req_type}`);
    return -EINVAL;
  }
  if (is_untracked_pat_range(start, end)) return 0;
  const is_range_ram = pat_pagerange_is_ram(k, start, end);
  if (is_range_ram === 1) return reserve_ram_pages_type(k, start, end, req_type);
  if (is_range_ram < 0) return -EINVAL;
  if (k.memtypes.overlapping(start, end).some((range) => range.type !== req_type)) return -EBUSY;
  k.memtypes.insert({ start, end, type: req_type });
  return 0;
}

/** Effect: [start, end) is WB again. memtype.c:606 (v7.2). */
export function memtype_free(k: X86Kernel, from: number, to: number): number {
  const start = sanitize_phys(from);
  const end = sanitize_phys(to);
  if (is_untracked_pat_range(start, end)) return 0;
  const is_range_ram = pat_pagerange_is_ram(k, start, end);
  if (is_range_ram < 0) return -EINVAL;
  if (is_range_ram === 1) {
    for (let pfn = Math.floor(start / 4096); pfn < Math.floor(end / 4096); pfn++)
      k.memtypes.setPage(pfn, 'WB');
    return 0;
  }
  if (k.memtypes.erase(start, end)) return 0;
  if (!k.has['memtype-erase-exact'] && k.memtypes.shrink(start, end)) return 0;
  return -EINVAL;
}
