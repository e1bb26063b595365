/**
 * What is done to memory that is kept for a crash kernel (arch/x86/kernel/machine_kexec_64.c). Every result is dropped.
 * Line numbers are those of v7.2. The control page in the middle of it is left out.
 */

import { __free_pages, alloc_pages, GFP_KERNEL } from '../../../mm/page_alloc.ts';
import type { Task } from '../../../task.ts';
import {
  set_memory_np,
  set_memory_nx,
  set_memory_p,
  set_memory_rox,
  set_memory_rw,
  set_pages_ro,
  set_pages_rw,
} from '../mm/pat/set_memory.ts';
import type { X86Kernel } from '../x86_kernel.ts';

/** Effect: the loaded crash kernel cannot be written, or can, so that another can be loaded. :593, :665 */
export function* kexec_mark_crashkres(
  k: X86Kernel,
  pfn: number,
  nr_pages: number,
  protect: boolean,
): Task<void> {
  yield* protect ? set_pages_ro(k, pfn, nr_pages) : set_pages_rw(k, pfn, nr_pages);
}

/**
 * Effect: the keys of encrypted disks, which the crash kernel will need, are not present, or are again. If they did not
 * become so, the next load writes memory that is not there. Since v6.16. :639
 */
export function* kexec_mark_dm_crypt_keys(
  k: X86Kernel,
  pfn: number,
  nr_pages: number,
  protect: boolean,
): Task<void> {
  const addr = k.page_address(pfn);
  yield* protect ? set_memory_np(k, addr, nr_pages) : set_memory_p(k, addr, nr_pages);
}

/** Returns the control page, read-only and executable if that worked, or undefined (NULL). :365 */
export function* machine_kexec_prepare(k: X86Kernel): Task<number | undefined> {
  const control_page = yield* alloc_pages(k, GFP_KERNEL, 0, undefined, 'kexec');
  if (control_page !== undefined) yield* set_memory_rox(k, k.page_address(control_page), 1);
  return control_page;
}

/** Effect: the control page is free, writable and not executable if that worked. :374 */
export function* machine_kexec_cleanup(k: X86Kernel, control_page: number): Task<void> {
  yield* set_memory_nx(k, k.page_address(control_page), 1);
  yield* set_memory_rw(k, k.page_address(control_page), 1);
  yield* __free_pages(k, control_page, 0);
}
