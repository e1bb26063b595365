/** Entries of the kernel's tables (arch/sparc/include/asm/pgtable_64.h), on sun4v. Line numbers are those of v7.2. */

import type { EntryFlags, VirtualAddress } from '../../../../../mmu/format.ts';
import {
  _PAGE_ACCESSED_4V,
  _PAGE_CP_4V,
  _PAGE_CV_4V,
  _PAGE_EXEC_4V,
  _PAGE_MODIFIED_4V,
  _PAGE_P_4V,
  _PAGE_PMD_HUGE,
  _PAGE_PRESENT_4V,
  _PAGE_READ_4V,
  _PAGE_VALID,
  _PAGE_W_4V,
  _PAGE_WRITE_4V,
} from '../../../../../mmu/sparc64.ts';
import type { Entry, PageTableOps } from '../../../../mm/pgtable.ts';
import { PAGE_SIZE } from '../../machine.ts';

/** Of T4 and later, before M8: the top of the hole in the addresses. mm/init_64.c:1982 */
export const PAGE_OFFSET: VirtualAddress = -(2 ** 51);
/** :45 */
export const VMALLOC_START: VirtualAddress = 2 ** 32;
/** Three quarters of what is below the hole. mm/init_64.c:2007 */
export const VMALLOC_END: VirtualAddress = (2 ** 51 * 3) / 4;

const __ACCESS_BITS_4V = _PAGE_ACCESSED_4V | _PAGE_READ_4V | _PAGE_VALID;
const __DIRTY_BITS_4V = _PAGE_MODIFIED_4V | _PAGE_WRITE_4V | _PAGE_W_4V;

/** mm/init_64.c:2658 */
export const PAGE_KERNEL: EntryFlags =
  _PAGE_PRESENT_4V |
  _PAGE_CP_4V |
  _PAGE_CV_4V |
  _PAGE_P_4V |
  __ACCESS_BITS_4V |
  __DIRTY_BITS_4V |
  _PAGE_EXEC_4V;
/** What kern_linear_pte_xor[] makes of an address beside the frame and the size. mm/init_64.c:2669 */
export const LINEAR_HUGE: EntryFlags =
  _PAGE_VALID | _PAGE_CP_4V | _PAGE_CV_4V | _PAGE_P_4V | _PAGE_W_4V | _PAGE_PMD_HUGE;

const FLAGS_LOW = 0x1fff;
const FLAGS_HIGH = 0xff00_0000 | 0;

/** An entry from a physical address and packed bits. */
export function entry_of(address: number, flags: EntryFlags): Entry {
  return {
    low: ((address % 2 ** 32) | (flags & FLAGS_LOW)) >>> 0,
    high: (Math.floor(address / 2 ** 32) | (flags & FLAGS_HIGH)) >>> 0,
  };
}

export const SPARC_PAGE_TABLE_OPS: PageTableOps = {
  none: (_level, low, high) => low === 0 && high === 0,
  present: (level, low, high) => (level === 1 ? (low & _PAGE_PRESENT_4V) !== 0 : low !== 0 || high !== 0),
  leaf: (level, _low, high) => level === 1 || (high & _PAGE_PMD_HUGE) !== 0,
  table: (_level, address) => entry_of(address, 0),
  kernelLeaf: (level, pfn) =>
    entry_of(pfn * PAGE_SIZE, level === 1 ? PAGE_KERNEL : PAGE_KERNEL | _PAGE_PMD_HUGE),
};
