/** TLB flushing of radix kernels (arch/powerpc/mm/book3s64/radix_tlb.c). */

import { flush_all } from '../../../../mm/tlb_flush.ts';
import type { Task } from '../../../../task.ts';
import type { PowerpcKernel } from '../../powerpc_kernel.ts';

/** Effect: every CPU drops every translation of kernel addresses, whatever the range. :1000 (v6.12) */
export function* radix__flush_tlb_kernel_range(k: PowerpcKernel): Task<void> {
  yield* flush_all(k, 'all');
}
