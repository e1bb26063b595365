/** What the kernel gives back of itself when it has booted (arch/riscv/kernel/setup.c). */

import { write_page } from '../../../mm/access.ts';
import { free_reserved_page } from '../../../mm/page_alloc.ts';
import type { Task } from '../../../task.ts';
import type { BootState } from '../boot_state.ts';
import { PAGE_SIZE } from '../include/asm/page.ts';
import { set_memory_nx, set_memory_rw_nx } from '../mm/pageattr.ts';

/**
 * Effect: the init sections are free, writable and not executable. Where the kernel runs in the direct map they stay as
 * they are. setup.c:374 (v7.2); init/main.c:1407 (v5.10)
 */
export function* free_initmem({ k, image }: BootState): Task<void> {
  if (image === undefined) return;
  const first = Math.floor(image.init_begin / PAGE_SIZE);
  const last = Math.ceil(image.init_end / PAGE_SIZE);
  if (k.has['kernel-outside-direct-map'] && k.config.STRICT_KERNEL_RWX) {
    yield* set_memory_rw_nx(k, k.page_address(first), last - first);
    yield* set_memory_nx(k, k.image_address(first), last - first);
  }
  for (let page = first; page < last; page++) {
    yield* write_page(k, page);
    yield* free_reserved_page(k, page);
  }
}
