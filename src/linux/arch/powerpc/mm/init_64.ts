/** How large the leaves of the direct map may be (arch/powerpc/mm/init_64.c). Line numbers are those of v6.12. */

import type { PowerpcKernel } from '../powerpc_kernel.ts';

/** A memory section, 16M: SECTION_SIZE_BITS. */
const MIN_MEMORY_BLOCK_SIZE = 2 ** 24;
const SZ_1G = 2 ** 30;

/** Effect: quartered until memory of that size has none of a block's bit, or is as small as can be. :509 */
function update_memory_block_size(block_size: number, mem_size: number): number {
  let size = block_size;
  while (size > MIN_MEMORY_BLOCK_SIZE && Math.floor(mem_size / size) % 2 === 1) size /= 4;
  return size;
}

/**
 * The size of a block of memory that could be removed, which no leaf exceeds. Memory nodes are taken to be the machine's
 * ranges of RAM. :519; before that radix_memory_block_size(), radix_pgtable.c:608 (v6.1)
 */
export function memory_block_size(k: PowerpcKernel): number {
  const { lmb_size, powernv } = k.machine.features;
  if (!k.has['memory-block-size-early']) {
    if (!k.config.MEMORY_HOTPLUG || powernv) return SZ_1G;
    return lmb_size ?? MIN_MEMORY_BLOCK_SIZE;
  }
  if (lmb_size !== undefined) return lmb_size;
  return k.machine.memory
    .filter(({ type }) => type === 'RAM')
    .reduce((size, { start, end }) => update_memory_block_size(size, end - start), SZ_1G);
}
