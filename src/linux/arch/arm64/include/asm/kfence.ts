/** How KFENCE takes its pages out of the direct map (arch/arm64/include/asm/kfence.h). */

import type { VirtualAddress } from '../../../../../mmu/format.ts';
import type { Task } from '../../../../task.ts';
import type { Arm64Kernel } from '../../arm64_kernel.ts';
import { set_memory_valid } from '../../mm/pageattr.ts';

/** Effect: the page is invalid, or valid. What set_memory_valid() returns is dropped: always true. :13 (v7.2) */
export function* kfence_protect_page(k: Arm64Kernel, addr: VirtualAddress, protect: boolean): Task<boolean> {
  yield* set_memory_valid(k, addr, 1, protect ? 0 : 1);
  return true;
}
