/** Conversions with AMD's memory encryption (arch/x86/mm/mem_encrypt_amd.c): the host is told, and its answer not waited for. */

import { set_host_visible, type x86_guest } from '../coco/guest.ts';

/** Without SEV-SNP, whose pages change in the RMP table too, and which dies where the host refuses. :246 to :312 (v7.2) */
export const amd_guest: x86_guest = {
  enc_tlb_flush_required: () => true,
  enc_cache_flush_required: () => true,
  *enc_status_change_prepare() {
    return 0;
  },
  *enc_status_change_finish(k, vaddr, npages, enc) {
    set_host_visible(k, vaddr, npages, !enc);
    return 0;
  },
};
