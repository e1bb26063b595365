/**
 * Memory for devices of a guest whose memory is private (kernel/dma/direct.c): shared with the host while a device has it.
 * Line numbers are those of v7.2. Every device is taken to need that, and no pool is used.
 */

import type { Kernel } from '../../kernel.ts';
import { write_page } from '../../mm/access.ts';
import { __free_pages, alloc_pages, GFP_KERNEL } from '../../mm/page_alloc.ts';
import type { Task } from '../../task.ts';

/**
 * Returns 2^order pages that the host can read, or undefined (NULL). If they cannot be shared they are lost since v6.9,
 * whatever they are; before, they were freed, some of them shared perhaps. Context: may sleep. :201, :165 (v5.10)
 */
export function* dma_direct_alloc(k: Kernel, order: number): Task<number | undefined> {
  const page = yield* alloc_pages(k, GFP_KERNEL, order, undefined, 'dma');
  if (page === undefined) return undefined;
  const err = yield* k.set_memory_decrypted(k.page_address(page), 2 ** order);
  if (err !== 0) {
    if (!k.has['dma-leaks-on-error']) yield* __free_pages(k, page, order);
    return undefined;
  }
  for (let i = 0; i < 2 ** order; i++) yield* write_page(k, page + i);
  return page;
}

/**
 * Effect: the pages are private and free. If they cannot be made private they are lost since v6.9, with a line in the log;
 * before, nobody looked. Context: may sleep. :309, :285 (v5.10)
 */
export function* dma_direct_free(k: Kernel, page: number, order: number): Task<void> {
  const err = yield* k.set_memory_encrypted(k.page_address(page), 2 ** order);
  if (err !== 0 && k.has['dma-leaks-on-error']) {
    k.printk('warn', "leaking DMA memory that can't be re-encrypted");
    return;
  }
  yield* __free_pages(k, page, order);
}
