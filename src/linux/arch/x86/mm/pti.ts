/**
 * Page-table isolation, as far as it changes the kernel's own tables (arch/x86/mm/pti.c). The user's copy of the
 * tables is not modelled, nor the G that cloning sets in the image mapping of the entry text.
 */

import type { Task } from '../../../task.ts';
import { PAGE_SIZE } from '../include/asm/page_types.ts';
import { image_address } from '../kernel/head_64.ts';
import type { X86Kernel } from '../x86_kernel.ts';
import { set_memory_global, set_memory_nonglobal } from './pat/set_memory.ts';

/** No machine here is vulnerable to Meltdown, so that `pti=auto` means off. */
export function pti_enabled(k: X86Kernel): boolean {
  return k.boot.pti === 'on';
}

/**
 * Whether the kernel's text may stay global: neither asked for strict isolation, nor helped by PCIDs. pti.c:529
 * (v7.2)
 */
function pti_kernel_image_global_ok(k: X86Kernel): boolean {
  return !k.machine.features.pcid && k.boot.pti === 'auto';
}

/** Effect: the text is global, in the direct map too. pti.c:571 (v7.2) */
function* pti_clone_kernel_text(k: X86Kernel): Task<void> {
  if (!pti_kernel_image_global_ok(k)) return;
  const start = image_address(k, k.image.text);
  const end_global = image_address(k, Math.ceil(k.image.etext / PAGE_SIZE) * PAGE_SIZE);
  yield* set_memory_global(k, start, (end_global - start) / PAGE_SIZE);
}

/** Effect: nothing of the image is global. pti.c:604 (v7.2) */
function* pti_set_kernel_image_nonglobal(k: X86Kernel): Task<void> {
  const start = image_address(k, k.image.text);
  const end = image_address(k, Math.ceil(k.image.end / k.pmd_size) * k.pmd_size);
  yield* set_memory_nonglobal(k, start, (end - start) / PAGE_SIZE);
}

/** pti.c:626 (v7.2) */
export function* pti_init(k: X86Kernel): Task<void> {
  if (pti_enabled(k)) yield* pti_set_kernel_image_nonglobal(k);
}

/** pti.c:679 (v7.2) */
export function* pti_finalize(k: X86Kernel): Task<void> {
  if (pti_enabled(k)) yield* pti_clone_kernel_text(k);
}
