/** Virtually contiguous memory, as far as it bears on the direct map (mm/vmalloc.c). */

import type { Kernel } from '../kernel.ts';
import type { Task } from '../task.ts';

/** Effect: no lazily freed mapping of any page is left in a TLB. Context: takes a mutex, so it may sleep. */
export function* vm_unmap_aliases(k: Kernel): Task<void> {
  k.might_sleep('vm_unmap_aliases');
}
