/** The aperture of AMD's old IOMMU (arch/x86/kernel/amd_gart_64.c). */

import type { Task } from '../../../task.ts';
import { set_memory_np } from '../mm/pat/set_memory.ts';
import type { X86Kernel } from '../x86_kernel.ts';

/**
 * Effect: the aperture's frames are not present, by leaves as large as they were, so that the CPU reads nothing ahead from
 * them. Nobody looks whether it worked. :780 (v7.2), :777 (v5.10)
 */
export function* gart_iommu_init(k: X86Kernel, pfn: number, nr_pages: number): Task<void> {
  yield* set_memory_np(k, k.page_address(pfn), nr_pages);
}
