/** What the machine under the kernel is told of a page that changes between private and shared (asm/x86_init.h). */

import type { VirtualAddress } from '../../../../mmu/format.ts';
import { GFP_KERNEL } from '../../../mm/page_alloc.ts';
import type { Task } from '../../../task.ts';
import type { X86Kernel } from '../x86_kernel.ts';

/** x86_platform.guest. */
export interface x86_guest {
  enc_tlb_flush_required(enc: boolean): boolean;
  enc_cache_flush_required(): boolean;
  /** Before the entries change. Failure: an errno, and nothing changes. */
  enc_status_change_prepare(k: X86Kernel, addr: VirtualAddress, npages: number, enc: boolean): Task<number>;
  /** After. Failure: an errno, with the entries changed. */
  enc_status_change_finish(k: X86Kernel, addr: VirtualAddress, npages: number, enc: boolean): Task<number>;
}

/** Whether the host does what it is asked for: the world decides, as it decides whether there is memory. */
export function* host_agrees(): Task<boolean> {
  return (yield { kind: 'allocation', order: 0, gfp: GFP_KERNEL, purpose: undefined }) !== 0;
}

/** Effect: the host may read the pages from now on, or may not. */
export function set_host_visible(k: X86Kernel, addr: VirtualAddress, npages: number, visible: boolean): void {
  const first = k.__pa(addr) / k.page_size;
  for (let page = first; page < first + npages; page++) {
    if (visible) k.host_visible.set(page, true);
    else k.host_visible.delete(page);
  }
}
