/** Memory that comes and goes (arch/powerpc/mm/mem.c). Line numbers are those of v7.2. */

import { EFAULT } from '../../../errno.ts';
import { down_write, up_write } from '../../../kernel/locking/locks.ts';
import type { FrameRange } from '../../../mm/frame_allocator.ts';
import { vm_unmap_aliases } from '../../../mm/vmalloc.ts';
import type { Task } from '../../../task.ts';
import type { PowerpcKernel } from '../powerpc_kernel.ts';
import { hash__create_section_mapping, hash__remove_section_mapping } from './book3s64/hash_utils.ts';
import { radix__create_section_mapping, radix__remove_section_mapping } from './book3s64/radix_pgtable.ts';

/** Effect: the frames are in the direct map. Failure: -EFAULT, whatever the reason; what was mapped stays. :92 */
export function* arch_add_memory(k: PowerpcKernel, { start, end }: FrameRange): Task<number> {
  const from = start * k.page_size;
  const to = end * k.page_size;
  yield* down_write(k, k.linear_mapping_mutex);
  const rc = k.radix_enabled
    ? yield* radix__create_section_mapping(k, from, to)
    : yield* hash__create_section_mapping(k, k.page_address(start), k.page_address(end));
  up_write(k, k.linear_mapping_mutex);
  if (rc === 0) return 0;
  k.printk('warn', `Unable to create linear mapping for 0x${from.toString(16)}..0x${to.toString(16)}: ${rc}`);
  return -EFAULT;
}

/** Effect: the frames are in the direct map no more, as far as that works: nobody hears of a failure but the log. :111 */
export function* arch_remove_memory(k: PowerpcKernel, { start, end }: FrameRange): Task<void> {
  yield* down_write(k, k.linear_mapping_mutex);
  const from = k.page_address(start);
  const to = k.page_address(end);
  const ret = k.radix_enabled
    ? yield* radix__remove_section_mapping(k, from, to)
    : yield* hash__remove_section_mapping(k, from, to);
  up_write(k, k.linear_mapping_mutex);
  if (ret !== 0) k.printk('warn', `Unable to remove linear mapping: ${ret}`);
  yield* vm_unmap_aliases(k);
}
