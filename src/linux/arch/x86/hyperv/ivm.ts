/** Conversions in a guest of Hyper-V with a virtual top of memory (arch/x86/hyperv/ivm.c). Line numbers are those of v7.2. */

import { EFAULT, ENOMEM } from '../../../errno.ts';
import type { Task } from '../../../task.ts';
import { host_agrees, set_host_visible, type x86_guest } from '../coco/guest.ts';
import { set_memory_np, set_memory_p } from '../mm/pat/set_memory.ts';
import type { X86Kernel } from '../x86_kernel.ts';

/** Pages that one hypercall can change. */
const HV_MAX_MODIFY_GPA_REP_COUNT = 510;

/** Effect: the host sees the pages, or does not, as far as it agrees. Failure: -ENOMEM, -EFAULT. :769 */
function* mark_visibility(k: X86Kernel, addr: number, pagecount: number, visible: boolean): Task<number> {
  if (!(yield* host_agrees())) return -ENOMEM; // kmalloc() of the list of frames
  for (let done = 0; done < pagecount; done += HV_MAX_MODIFY_GPA_REP_COUNT) {
    const count = Math.min(HV_MAX_MODIFY_GPA_REP_COUNT, pagecount - done);
    if (!(yield* host_agrees())) return -EFAULT; // hv_mark_gpa_visibility()
    set_host_visible(k, addr + done * k.page_size, count, visible);
  }
  return 0;
}

/**
 * Since v6.9 the pages are not present while they change, so that a read that runs into them by chance faults. If they
 * cannot be made present again, they stay so; whatever comes first is what is returned. :756, :769
 */
export const hv_vtom_guest: x86_guest = {
  enc_tlb_flush_required: () => false,
  enc_cache_flush_required: () => false,
  *enc_status_change_prepare(k, addr, pagecount) {
    return k.has['vtom-not-present'] ? yield* set_memory_np(k, addr, pagecount) : 0;
  },
  *enc_status_change_finish(k, addr, pagecount, enc) {
    const ret = yield* mark_visibility(k, addr, pagecount, !enc);
    if (!k.has['vtom-not-present']) return ret;
    const err = yield* set_memory_p(k, addr, pagecount);
    return ret !== 0 ? ret : err;
  },
};
