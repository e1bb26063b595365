/** KFENCE on 64-bit powerpc (arch/powerpc/include/asm/kfence.h). Line numbers are those of v7.2. */

import type { VirtualAddress } from '../../../../../mmu/format.ts';
import { KFENCE_NUM_OBJECTS, KFENCE_POOL_PAGES } from '../../../../mm/kfence/core.ts';
import type { Task } from '../../../../task.ts';
import { __kernel_map_pages } from '../../mm/pageattr.ts';
import type { PowerpcKernel } from '../../powerpc_kernel.ts';

/** KFENCE_POOL_SIZE. In a geometry smaller than the hardware's there is one object. */
export function kfence_pool_size(k: PowerpcKernel): number {
  return KFENCE_POOL_PAGES(k.small ? 1 : KFENCE_NUM_OBJECTS) * k.page_size;
}

/** Whether the pool can be protected: not if early setup has given up. :28; always true before v6.13 */
export function* arch_kfence_init_pool(k: PowerpcKernel): Task<boolean> {
  return !k.kfence_disabled;
}

/** Effect: the page is not present, or present. Always true: whether it worked is not known. :38 */
export function* kfence_protect_page(
  k: PowerpcKernel,
  addr: VirtualAddress,
  protect: boolean,
): Task<boolean> {
  yield* __kernel_map_pages(k, k.__pa(addr) / k.page_size, 1, protect ? 0 : 1);
  return true;
}
