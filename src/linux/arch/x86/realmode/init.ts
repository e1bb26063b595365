/** The code below 1M with which CPUs begin in real mode (arch/x86/realmode/init.c). */

import { memblock_phys_alloc_range, memblock_reserve } from '../../../mm/memblock.ts';
import type { Task } from '../../../task.ts';
import type { BootState } from '../boot_state.ts';
import type { RealModeBlob } from '../images.ts';
import { PAGE_SIZE } from '../include/asm/page_types.ts';
import { set_memory_nx, set_memory_ro, set_memory_x } from '../mm/pat/set_memory.ts';
import type { X86Kernel } from '../x86_kernel.ts';

const SZ_1M = 0x100000;

/**
 * Effect: the trampoline has a place below 1M, the highest; nobody else gets any memory there. realmode/init.c:47
 * (v7.2). v5.10 leaves free what is above 64K and not the trampoline's.
 */
export function reserve_real_mode(init: BootState): void {
  const blob = init.image.real_mode;
  if (blob === undefined) return;
  init.real_mode_header = memblock_phys_alloc_range(
    init.memblock,
    blob.pages * PAGE_SIZE,
    PAGE_SIZE,
    0,
    SZ_1M,
  );
  if (init.real_mode_header === 0) init.k.printk('info', 'No memory below 1M for the real-mode trampoline');
  memblock_reserve(init.memblock, 0, SZ_1M);
}

/**
 * Effect: in the direct map the trampoline is read-only up to its data, and executable from its text: the one place
 * of the direct map that is. Errors are dropped. realmode/init.c:187 (v7.2)
 */
export function* set_real_mode_permissions(k: X86Kernel, header: number, blob: RealModeBlob): Task<void> {
  const base = k.__va(header);
  yield* set_memory_nx(k, base, blob.pages);
  yield* set_memory_ro(k, base, blob.ro_end);
  yield* set_memory_x(k, base + blob.text_start * PAGE_SIZE, blob.ro_end - blob.text_start);
}
