/** How KFENCE takes its pages out of x86's direct map (arch/x86/include/asm/kfence.h). Line numbers are those of v7.2. */

import type { VirtualAddress } from '../../../../../mmu/format.ts';
import { _PAGE_PRESENT, PG_LEVEL_4K } from '../../../../../mmu/x86_64.ts';
import { set_entry } from '../../../../mm/entry.ts';
import type { FrameRange } from '../../../../mm/frame_allocator.ts';
import { flush_pages } from '../../../../mm/tlb_flush.ts';
import type { Task } from '../../../../task.ts';
import { lookup_address, set_memory_4k } from '../../mm/pat/set_memory.ts';
import type { X86Kernel } from '../../x86_kernel.ts';

const FRAME_LOW = 0xffff_f000 | 0;
const FRAME_HIGH = 0x000f_ffff;

/**
 * Effect: the pool is mapped by 4K entries, as far as the splits succeeded: nobody looks. False if a page has no entry at
 * all. :22
 */
export function* arch_kfence_init_pool(k: X86Kernel, pool: FrameRange): Task<boolean> {
  for (let page = pool.start; page < pool.end; page++) {
    const addr = k.page_address(page);
    const { kpte, level } = yield* lookup_address(k, addr);
    if (kpte === 0) return false;
    if (level !== PG_LEVEL_4K) yield* set_memory_4k(k, addr, 1);
  }
  return true;
}

/**
 * Effect: P is cleared, or set; every other flag stays, RW and G too, and the frame is inverted as long as P is clear. Only
 * this CPU's translation is dropped, and none when P is set. Failure: false and a warning, in a larger leaf. Context: any.
 * :41
 */
export function* kfence_protect_page(k: X86Kernel, addr: VirtualAddress, protect: boolean): Task<boolean> {
  const { kpte, level } = yield* lookup_address(k, addr);
  if (kpte === 0 || level !== PG_LEVEL_4K) {
    k.warn('kfence_protect_page(): the page is not mapped by a 4K entry');
    return false;
  }
  const low = k.memory.low(kpte);
  if (protect !== ((low & _PAGE_PRESENT) !== 0)) {
    k.guard('kfence_protect_page', 'the entry is as wanted already: nothing is done');
    return true;
  }
  const high = k.memory.high(kpte) ^ (FRAME_HIGH & ~k.sme_me_mask_high);
  yield* set_entry(k, kpte, low ^ _PAGE_PRESENT ^ FRAME_LOW, high);
  if (protect) yield* flush_pages(k, 'local', addr, 1);
  return true;
}
