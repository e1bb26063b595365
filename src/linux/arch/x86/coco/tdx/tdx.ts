/** Conversions in a guest of Intel TDX (arch/x86/coco/tdx/tdx.c). Line numbers are those of v7.2. */

import type { VirtualAddress } from '../../../../../mmu/format.ts';
import { EIO } from '../../../../errno.ts';
import type { Task } from '../../../../task.ts';
import type { X86Kernel } from '../../x86_kernel.ts';
import { host_agrees, set_host_visible, type x86_guest } from '../guest.ts';

/**
 * Effect: the host has mapped the pages as shared, or as private, and then the guest has accepted them. False if the host
 * refuses, or the guest cannot accept: then they are private, and of no use. :963
 */
function* tdx_enc_status_changed(
  k: X86Kernel,
  vaddr: VirtualAddress,
  numpages: number,
  enc: boolean,
): Task<boolean> {
  if (!(yield* host_agrees())) return false; // tdx_map_gpa()
  set_host_visible(k, vaddr, numpages, !enc);
  return !enc || (yield* host_agrees()); // tdx_accept_memory()
}

/** Private before the entries say so, shared only after: the host decides twice about what becomes private. :978, :991 */
export const tdx_guest: x86_guest = {
  enc_tlb_flush_required: (enc) => !enc,
  enc_cache_flush_required: () => false,
  *enc_status_change_prepare(k, vaddr, numpages, enc) {
    return enc && !(yield* tdx_enc_status_changed(k, vaddr, numpages, enc)) ? -EIO : 0;
  },
  *enc_status_change_finish(k, vaddr, numpages, enc) {
    return !enc && !(yield* tdx_enc_status_changed(k, vaddr, numpages, enc)) ? -EIO : 0;
  },
};
