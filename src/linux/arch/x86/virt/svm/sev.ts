/** The host's side of SEV-SNP: pages that are a guest's alone (arch/x86/virt/svm/sev.c). Line numbers are those of v7.2. */

import { PG_LEVEL_2M, PG_LEVEL_4K } from '../../../../../mmu/x86_64.ts';
import { EINVAL, ENODEV } from '../../../../errno.ts';
import { pfn_valid } from '../../../../mm/page_flags.ts';
import type { Task } from '../../../../task.ts';
import { lookup_address, set_memory_4k } from '../../mm/pat/set_memory.ts';
import type { X86Kernel } from '../../x86_kernel.ts';

function pagesAt(k: X86Kernel, level: number): number {
  return level === PG_LEVEL_2M ? k.ptrs_per_table : 1;
}

/**
 * Effect: the pages can become a guest's without a leaf of the direct map having others beside them. Failure: an errno if a
 * leaf cannot be split; nobody makes it whole again. :941
 */
function* adjust_direct_map(k: X86Kernel, pfn: number, rmp_level: number): Task<number> {
  if (rmp_level > PG_LEVEL_2M || !pfn_valid(k, pfn)) return -EINVAL;
  if (rmp_level === PG_LEVEL_2M) return pfn % pagesAt(k, rmp_level) === 0 ? 0 : -EINVAL;
  const { kpte, level } = yield* lookup_address(k, k.page_address(pfn));
  if (kpte === 0 || level === PG_LEVEL_4K) return 0;
  const ret = yield* set_memory_4k(k, k.page_address(pfn), 1);
  if (ret !== 0) k.printk('warn', `Failed to split direct map for PFN 0x${pfn.toString(16)}, ret: ${ret}`);
  return ret;
}

/**
 * Effect: the page, or 2M of them, are a guest's: the host dies if it writes to them, or through a leaf that has one of
 * them among others. Failure: an errno, and they are the host's still. :1043
 */
export function* rmp_make_private(k: X86Kernel, pfn: number, level: number = PG_LEVEL_4K): Task<number> {
  if (!k.machine.features.snp_host) return -ENODEV;
  if (k.has['snp-adjusts-direct-map']) {
    const ret = yield* adjust_direct_map(k, pfn, level);
    if (ret !== 0) return ret;
  }
  for (let page = pfn; page < pfn + pagesAt(k, level); page++) k.rmp.set(page, level);
  return 0;
}

/** Effect: the page, or 2M of them, are the host's again. :1068 */
export function rmp_make_shared(k: X86Kernel, pfn: number, level: number = PG_LEVEL_4K): number {
  if (!k.machine.features.snp_host) return -ENODEV;
  for (let page = pfn; page < pfn + pagesAt(k, level); page++) k.rmp.delete(page);
  return 0;
}

/** Why the CPU refuses a write to a page through a leaf at `level`; undefined if it does not. */
export function rmp_fault(k: X86Kernel, pfn: number, level: number): string | undefined {
  if (k.rmp.size === 0) return undefined;
  if (k.rmp.has(pfn)) return "RMP violation: the page is a guest's";
  if (level === PG_LEVEL_4K) return undefined;
  const first = Math.floor(pfn / k.ptrs_per_table) * k.ptrs_per_table;
  for (let page = first; page < first + k.ptrs_per_table; page++) {
    if (k.rmp.has(page)) return "RMP violation: the leaf has a page beside it that is a guest's";
  }
  return undefined;
}
