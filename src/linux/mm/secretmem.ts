/**
 * memfd_secret(): memory of user space that the kernel takes out of its own direct map (mm/secretmem.c, since v5.14).
 * A file is its descriptor, and its pages by their index.
 *
 * Not modelled: RLIMIT_MEMLOCK, and the mapping's own page tables. An index is in range, whatever it is.
 */

import { EBADF, EEXIST, ENOMEM, ENOSYS } from '../errno.ts';
import type { Kernel } from '../kernel.ts';
import type { Task } from '../task.ts';
import { write_page } from './access.ts';
import { __free_pages, __GFP_HIGHMEM, __GFP_ZERO, alloc_pages, GFP_KERNEL } from './page_alloc.ts';
import { PageHighMem } from './page_flags.ts';

/** What a fault handler returns, as bits (include/linux/mm_types.h). */
export const VM_FAULT_OOM = 0x1;
export const VM_FAULT_SIGBUS = 0x2;
export const VM_FAULT_LOCKED = 0x200;

/** The page cache of one file: index to frame. Never changed: a change makes a new one. */
export type SecretmemFile = ReadonlyMap<number, number>;

const FIRST_DESCRIPTOR = 3;
const GFP_HIGHUSER = GFP_KERNEL | __GFP_HIGHMEM;

/** The module parameter, or this kernel's default for it. :41 (v6.1), 1 since v6.5 */
function secretmem_enable(k: Kernel): boolean {
  return k.boot.secretmem ?? k.has['secretmem-default-on'];
}

/** Whether there is any file of secret memory, with pages or without. :47 (v7.2) */
export function secretmem_active(k: Kernel): boolean {
  return k.secretmem_files.size > 0;
}

/** Returns a descriptor. Failure: -ENOSYS if the kernel has no secret memory or cannot edit its direct map. :322 */
export function memfd_secret(k: Kernel): number {
  if (!k.has.secretmem || !k.config.SECRETMEM) return -ENOSYS;
  if (!secretmem_enable(k) || !k.can_set_direct_map()) return -ENOSYS;
  let fd = FIRST_DESCRIPTOR;
  while (k.secretmem_files.has(fd)) fd++;
  k.secretmem_files.set(fd, new Map());
  return fd;
}

/**
 * Effect: page `offset` of the file is there, and not in the direct map. Returns VM_FAULT_LOCKED, or VM_FAULT_OOM or
 * _SIGBUS with the direct map as it was, up to splits. The result of restoring it is not looked at. :110 (v7.2)
 */
export function* secretmem_fault(k: Kernel, fd: number, offset: number): Task<number> {
  for (;;) {
    const file = k.secretmem_files.get(fd);
    if (file === undefined) return VM_FAULT_SIGBUS;
    if (file.has(offset)) return VM_FAULT_LOCKED;

    const page = yield* alloc_pages(k, GFP_HIGHUSER | __GFP_ZERO, 0, undefined, 'secretmem');
    if (page === undefined) return VM_FAULT_OOM;

    const invalid = yield* k.set_direct_map_invalid_noflush(page);
    if (invalid !== 0) {
      yield* __free_pages(k, page, 0);
      return vmf_error(invalid);
    }

    const added = yield* filemap_add_folio(k, fd, offset, page);
    if (added === 0) {
      const addr = k.page_address(page);
      yield* k.flush_tlb_kernel_range(addr, addr + k.page_size);
      return VM_FAULT_LOCKED;
    }
    if (k.has['secretmem-default-before-free']) yield* k.set_direct_map_default_noflush(page);
    yield* __free_pages(k, page, 0);
    if (!k.has['secretmem-default-before-free']) yield* k.set_direct_map_default_noflush(page);
    if (added !== -EEXIST) return vmf_error(added);
  }
}

/** mm.h:4588 (v7.2) */
function vmf_error(err: number): number {
  return err === -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
}

/**
 * Effect: the page is the file's. Failure: -EEXIST if it has one at `offset` already, -ENOMEM if the world refuses
 * memory for the page cache's own node. mm/filemap.c:955 (v7.2)
 */
function* filemap_add_folio(k: Kernel, fd: number, offset: number, page: number): Task<number> {
  const granted = (yield { kind: 'allocation', order: 0, gfp: GFP_KERNEL, purpose: undefined }) !== 0;
  if (!granted) return -ENOMEM;
  const file = k.secretmem_files.get(fd);
  if (file?.has(offset) !== false) return -EEXIST;
  k.secretmem_files.set(fd, new Map([...file, [offset, page]]));
  return 0;
}

/**
 * Effect: the page is in the direct map again, zeroed. Nobody looks at whether it came back: if it did not, zeroing
 * it is what kills the machine. Caller's duty: to free it next. :229 (v7.2)
 */
export function* secretmem_free_folio(k: Kernel, page: number): Task<void> {
  yield* k.set_direct_map_default_noflush(page);
  if (!PageHighMem(k, page)) yield* write_page(k, page);
  k.clear_page(page);
}

/** Effect: the file is gone, and each of its pages freed. Failure: -EBADF. :194 (v7.2) */
export function* secretmem_release(k: Kernel, fd: number): Task<number> {
  const file = k.secretmem_files.get(fd);
  if (file === undefined) return -EBADF;
  k.secretmem_files.delete(fd);
  for (const page of file.values()) {
    yield* secretmem_free_folio(k, page);
    yield* __free_pages(k, page, 0);
  }
  return 0;
}

/** The page at `offset` of a file, or undefined (NULL). */
export function secretmem_page(k: Kernel, fd: number, offset: number): number | undefined {
  return k.secretmem_files.get(fd)?.get(offset);
}
