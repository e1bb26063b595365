/**
 * Memory of BPF programs (kernel/bpf/core.c, include/linux/filter.h, kernel/bpf/trampoline.c). Line numbers are those of
 * kernel/bpf/core.c in v7.2 unless another file is named. Sizes are in pages.
 *
 * Not modelled: chunks smaller than a page, the memory charged to a user, and what is in the pages.
 */

import type { VirtualAddress } from '../../../mmu/format.ts';
import { EINVAL } from '../../errno.ts';
import type { Kernel } from '../../kernel.ts';
import { write_kernel } from '../../mm/access.ts';
import {
  __vmalloc_node_range,
  find_vm_area,
  set_vm_flush_reset_perms,
  VM_FLUSH_RESET_PERMS,
  vfree,
  vmalloc,
} from '../../mm/vmalloc.ts';
import type { Task } from '../../task.ts';

/** An area that many programs share, read-only and executable. Never changed: a change makes a new one. */
export interface bpf_prog_pack {
  readonly ptr: VirtualAddress;
  /** By page: whether a program has it. */
  readonly bitmap: readonly boolean[];
}

const SZ_2M = 2 ** 21;

/** 2M, in pages; in a geometry smaller than the hardware's, what a PMD maps. :913 */
export function BPF_PROG_PACK_PAGES(k: Kernel): number {
  const pmd = 2 ** k.format.levelShift(2);
  return (pmd < 2 ** 20 ? pmd : SZ_2M) / k.page_size;
}

/** Executable memory to be, writable still. Failure: undefined (NULL). :1135 */
function* bpf_jit_alloc_exec(k: Kernel, pages: number): Task<VirtualAddress | undefined> {
  const ptr = yield* __vmalloc_node_range(k, pages, VM_FLUSH_RESET_PERMS);
  if (ptr === undefined) return undefined;
  for (let page = 0; page < pages; page++) yield* write_kernel(k, ptr + page * k.page_size);
  return ptr;
}

/** Effect: read-only, then executable. Failure: the first error, if they are looked at at all (`checked`). */
function* lock_rox(k: Kernel, ptr: VirtualAddress, pages: number, checked: boolean): Task<number> {
  set_vm_flush_reset_perms(k, ptr);
  if (checked) return yield* k.set_memory_rox(ptr, pages);
  yield* k.set_memory_ro(ptr, pages);
  yield* k.set_memory_x(ptr, pages);
  return 0;
}

// ---- programs of their own pages

/**
 * Returns a program for the interpreter, read-only. Failure: undefined (NULL), for want of memory or since the change
 * `bpf-prog-lock-checked` because it could not be made read-only; before, it is writable. filter.h:1154
 */
export function* bpf_prog_load(k: Kernel, pages: number): Task<VirtualAddress | undefined> {
  const fp = yield* vmalloc(k, pages);
  if (fp === undefined) return undefined;
  for (let page = 0; page < pages; page++) yield* write_kernel(k, fp + page * k.page_size);
  set_vm_flush_reset_perms(k, fp);
  const err = yield* k.set_memory_ro(fp, pages);
  if (err === 0 || !k.has['bpf-prog-lock-checked']) return fp;
  yield* vfree(k, fp);
  return undefined;
}

/**
 * Returns a compiled program in pages of its own, as compilers without packs make it. Failure: undefined (NULL), as above;
 * before the change `bpf-jit-lock-checked` it may be writable, or not executable. filter.h:1165
 */
export function* bpf_jit_binary_load(k: Kernel, pages: number): Task<VirtualAddress | undefined> {
  const hdr = yield* bpf_jit_alloc_exec(k, pages);
  if (hdr === undefined) return undefined;
  if ((yield* lock_rox(k, hdr, pages, k.has['bpf-jit-lock-checked'])) === 0) return hdr;
  yield* vfree(k, hdr);
  return undefined;
}

/** Effect: the program's or trampoline's pages are free, writable in the direct map. Context: may sleep. */
export function* bpf_prog_free(k: Kernel, ptr: VirtualAddress): Task<void> {
  const area = find_vm_area(k, ptr);
  if (area !== undefined && k.bpf_packs.has(area.addr)) yield* bpf_prog_pack_free(k, ptr, 1);
  else yield* vfree(k, ptr);
}

// ---- packs

/** Effect: a pack more. Failure: undefined (NULL). :920 */
function* alloc_new_pack(k: Kernel): Task<bpf_prog_pack | undefined> {
  const pages = BPF_PROG_PACK_PAGES(k);
  const ptr = yield* bpf_jit_alloc_exec(k, pages);
  if (ptr === undefined) return undefined;
  if ((yield* lock_rox(k, ptr, pages, k.has['bpf-jit-lock-checked'])) !== 0) {
    yield* vfree(k, ptr);
    return undefined;
  }
  const pack = { ptr, bitmap: Array.from({ length: pages }, () => false) };
  k.bpf_packs.set(ptr, pack);
  return pack;
}

/**
 * Returns read-only, executable memory for a program, from a pack that has room or a new one, or of its own if it is
 * larger than a pack. Failure: undefined (NULL). Context: may sleep. :950
 */
export function* bpf_prog_pack_alloc(k: Kernel, pages: number): Task<VirtualAddress | undefined> {
  if (pages > BPF_PROG_PACK_PAGES(k)) return yield* bpf_jit_binary_load(k, pages);
  for (const [, pack] of k.bpf_packs.entries()) {
    const found = findRoom(pack, pages);
    if (found !== undefined) return take(k, pack, found, pages);
  }
  const pack = yield* alloc_new_pack(k);
  return pack === undefined ? undefined : take(k, pack, 0, pages);
}

function findRoom({ bitmap }: bpf_prog_pack, pages: number): number | undefined {
  for (let at = 0; at + pages <= bitmap.length; at++) {
    if (!bitmap.slice(at, at + pages).includes(true)) return at;
  }
  return undefined;
}

function take(k: Kernel, pack: bpf_prog_pack, at: number, pages: number): VirtualAddress {
  mark(k, pack, at, pages, true);
  return pack.ptr + at * k.page_size;
}

function mark(k: Kernel, pack: bpf_prog_pack, at: number, pages: number, used: boolean): bpf_prog_pack {
  const bitmap = pack.bitmap.map((each, i) => (i >= at && i < at + pages ? used : each));
  const changed = { ...pack, bitmap };
  k.bpf_packs.set(pack.ptr, changed);
  return changed;
}

/** Effect: the memory is the pack's again; an empty pack is freed. Context: may sleep. :1036 */
export function* bpf_prog_pack_free(k: Kernel, ptr: VirtualAddress, pages: number): Task<number> {
  if (pages > BPF_PROG_PACK_PAGES(k)) {
    yield* vfree(k, ptr);
    return 0;
  }
  const area = find_vm_area(k, ptr);
  const pack = area === undefined ? undefined : k.bpf_packs.get(area.addr);
  if (pack === undefined) {
    k.warn_once('bpf_prog_pack_free', 'bpf_prog_pack bug');
    return -EINVAL;
  }
  const left = mark(k, pack, (ptr - pack.ptr) / k.page_size, pages, false);
  if (left.bitmap.includes(true)) return 0;
  k.bpf_packs.delete(pack.ptr);
  yield* vfree(k, pack.ptr);
  return 0;
}

// ---- trampolines

/**
 * Returns a page for a trampoline, of a pack where the architecture has it so. Since the change `bpf-trampoline-ro` read-only once it is written, before writable and
 * executable for good. Failure: undefined (NULL), for want of memory or since the change `bpf-jit-lock-checked` because of
 * an error; before, errors are ignored. trampoline.c:766, :28 (v5.10)
 */
export function* bpf_trampoline_alloc(k: Kernel): Task<VirtualAddress | undefined> {
  if (k.bpf_trampolines_in_packs) return yield* bpf_prog_pack_alloc(k, 1);
  const image = yield* bpf_jit_alloc_exec(k, 1);
  if (image === undefined) return undefined;
  set_vm_flush_reset_perms(k, image);
  if (!k.has['bpf-trampoline-ro']) {
    yield* k.set_memory_x(image, 1);
    return image;
  }
  if ((yield* lock_rox(k, image, 1, k.has['bpf-jit-lock-checked'])) === 0) return image;
  yield* vfree(k, image);
  return undefined;
}
