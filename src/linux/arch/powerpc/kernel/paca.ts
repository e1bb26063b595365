/** An area for each CPU, of which only what it takes from memblock matters here (arch/powerpc/kernel/paca.c, v7.2). */

import { memblock_phys_alloc_range, memblock_phys_free } from '../../../mm/memblock.ts';
import { type BootState, panic } from '../boot_state.ts';
import { ppc64_rma_size } from '../mm/book3s64/hash_utils.ts';

/** CONFIG_NR_CPUS of Debian's builds. */
const NR_CPUS = 2048;
const POINTER_BYTES = 8;
const SMP_CACHE_BYTES = 128;

/**
 * Effect: there is room for a pointer for each CPU that the build allows, the first that memblock gives away at the end of
 * memory; its address. Panics if there is none. A real mode area that ends within the image is the model's alone, and so
 * small a machine takes nothing: 0. paca.c:243
 */
export function allocate_paca_ptrs({ k, memblock }: BootState): number {
  const limit = k.radix_enabled ? Number.POSITIVE_INFINITY : ppc64_rma_size(k);
  if (k.small || limit <= k.image.end) return 0;
  const size = NR_CPUS * POINTER_BYTES;
  const found = memblock_phys_alloc_range(memblock, size, SMP_CACHE_BYTES, 0, limit);
  if (found === 0) panic(k, `Failed to allocate ${size} bytes for paca pointers`);
  return found;
}

/** Effect: memblock has back what CPUs that are not there would have needed. paca.c:287 */
export function free_unused_pacas({ k, memblock }: BootState, paca_ptrs: number): void {
  if (paca_ptrs === 0) return;
  const used = k.machine.cpus * POINTER_BYTES;
  memblock_phys_free(memblock, paca_ptrs + used, NR_CPUS * POINTER_BYTES - used);
}
