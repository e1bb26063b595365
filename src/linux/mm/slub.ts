/** The SLUB allocator, as far as it reads memory that may not be mapped (mm/slub.c). */

import type { Kernel } from '../kernel.ts';
import type { Task } from '../task.ts';
import { copy_from_kernel_nofault, read_page } from './access.ts';

/**
 * Effect: the pointer to the next free object has been read from an object in `page`, speculatively: another CPU may have
 * freed the page since. Under debug_pagealloc a fault is caught, and what was read is thrown away. Context: any. :405
 * (v6.1)
 */
export function* get_freepointer_safe(k: Kernel, page: number): Task<void> {
  if (k.debug_pagealloc_key && k.has['slub-freepointer-nofault']) {
    yield* copy_from_kernel_nofault(k, k.page_address(page));
  } else yield* read_page(k, page);
}
