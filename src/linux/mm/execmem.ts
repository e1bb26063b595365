/**
 * Executable memory (mm/execmem.c of v7.2): a cache of read-only, executable areas, large where memory allows, from
 * which module text, ftrace's trampolines and kprobes' pages are cut. Line numbers are those of v7.2.13 unless another
 * file is named. Sizes are in bytes.
 *
 * The workqueue's two functions, execmem_cache_free_slow() and execmem_cache_clean(), run when somebody calls them.
 *
 * Not modelled: an address range for each type (here all of it lies in vmalloc's), KASAN's shadow, what is written, and
 * __GFP_NOWARN, so that vmalloc's own warnings are in the log. Each range put into a tree asks the world for memory; a
 * real one often has room. To take a range out, or to mark one, never fails.
 */

import { NotModelledError } from '../../errors.ts';
import type { JournalledMap } from '../../memory/journalled.ts';
import { hexAddress, type VirtualAddress } from '../../mmu/format.ts';
import { ENOMEM } from '../errno.ts';
import { down_write, up_write } from '../kernel/locking/locks.ts';
import type { Kernel } from '../kernel.ts';
import { halt, type Task } from '../task.ts';
import { write_kernel } from './access.ts';
import { GFP_KERNEL } from './page_alloc.ts';
import {
  __vmalloc_node_range,
  find_vm_area,
  get_vm_area_page_order,
  VM_ALLOW_HUGE_VMAP,
  VM_FLUSH_RESET_PERMS,
  vfree,
  type vm_struct,
} from './vmalloc.ts';

/** A range in one of the cache's trees. Never changed: a change makes a new one. */
export interface execmem_area {
  readonly addr: VirtualAddress;
  readonly size: number;
  /** Its release failed, and is tried again: PENDING_FREE_MASK. */
  readonly pending_free: boolean;
}

type Tree = JournalledMap<VirtualAddress, execmem_area>;

function PMD_SIZE(k: Kernel): number {
  return 2 ** k.format.levelShift(2);
}

// ---- the trees

function* ascending(tree: Tree): Generator<execmem_area, void, undefined> {
  yield* [...tree.entries()].map(([, area]) => area).sort((a, b) => a.addr - b.addr);
}

/** The range that `addr` lies in. */
function mas_walk(tree: Tree, addr: VirtualAddress): execmem_area | undefined {
  for (const area of ascending(tree)) if (addr >= area.addr && addr < area.addr + area.size) return area;
  return undefined;
}

/** Effect: a new range is in the tree. Failure: -ENOMEM, no memory for a node. lib/maple_tree.c:4890 */
function* mas_store_gfp(tree: Tree, addr: VirtualAddress, size: number): Task<number> {
  const granted = (yield { kind: 'allocation', order: 0, gfp: GFP_KERNEL, purpose: undefined }) !== 0;
  if (!granted) return -ENOMEM;
  tree.set(addr, { addr, size, pending_free: false });
  return 0;
}

// ---- attributes

/** Effect: an area for executable memory, PAGE_KERNEL. Failure: undefined (NULL), and a line in the log. :28 */
function* execmem_vmalloc(k: Kernel, size: number, vm_flags: number): Task<VirtualAddress | undefined> {
  const p = yield* __vmalloc_node_range(k, size / k.page_size, vm_flags);
  if (p === undefined) k.printk('warn', 'execmem: unable to allocate memory');
  return p;
}

/**
 * Effect: the area's pages are in the direct map, writable, or out of it; nothing is flushed. Failure: the first error.
 * The chunks done before it are then set the other way, whatever they had been, and nobody looks whether that worked:
 * out of the direct map if `valid` was wanted, else back in it, on x86 without G and D. The failing chunk stays as it
 * is, and splits stay. :115
 */
export function* execmem_set_direct_map_valid(k: Kernel, vm: vm_struct, valid: boolean): Task<number> {
  const nr = 2 ** get_vm_area_page_order(vm);
  let updated = 0;
  for (; updated < vm.pages.length; updated += nr) {
    const err = yield* k.set_direct_map_valid_noflush(vm.pages[updated]!, nr, valid);
    if (err === 0) continue;
    for (let i = 0; i < updated; i += nr) {
      yield* k.set_direct_map_valid_noflush(vm.pages[i]!, nr, !valid);
    }
    return err;
  }
  return 0;
}

/** The same for the area that `addr` lies in, as execmem_cache_clean() finds it. Without one it reads through NULL. */
export function* execmem_set_direct_map_valid_at(
  k: Kernel,
  addr: VirtualAddress,
  valid: boolean,
): Task<number> {
  const vm = find_vm_area(k, addr);
  if (vm === undefined) {
    k.die({
      how: 'oops',
      text: `NULL pointer dereference in execmem_set_direct_map_valid: ${hexAddress(addr)}`,
    });
    return yield* halt();
  }
  return yield* execmem_set_direct_map_valid(k, vm, valid);
}

/** Effect: writable, not executable. Failure: half of that may be done; v7.2's callers free the memory, or wait. :137 */
function* execmem_force_rw(k: Kernel, ptr: VirtualAddress, size: number): Task<number> {
  if (!k.arch_has_execmem_rox) return 0;
  const nr = Math.ceil(size / k.page_size);
  const ret = yield* k.set_memory_nx(ptr, nr);
  if (ret !== 0) return ret;
  return yield* k.set_memory_rw(ptr, nr);
}

/** Effect: read-only and executable again, by large leaves if possible. Failure: some of it may be. :150 */
export function* execmem_restore_rox(k: Kernel, ptr: VirtualAddress, size: number): Task<number> {
  if (!k.arch_has_execmem_rox) return 0;
  return yield* k.set_memory_rox(ptr, Math.ceil(size / k.page_size));
}

/** Effect: every page is written, through the area's own mapping. arch/x86/mm/init.c:1060 */
function* execmem_fill_trapping_insns(k: Kernel, ptr: VirtualAddress, size: number): Task<void> {
  for (let addr = ptr; addr < ptr + size; addr += k.page_size) yield* write_kernel(k, addr);
}

// ---- the cache

/**
 * Effect: free ranges of whole large pages are given back, each with the whole area that it lies in, even if others
 * still use the rest of that. Whether their pages came back to the direct map writable, nobody looks. Context: may
 * sleep; the workqueue calls it. :158
 */
export function* execmem_cache_clean(k: Kernel): Task<void> {
  const { mutex, free_areas } = k.execmem_cache;
  yield* down_write(k, mutex);
  for (const { addr, size } of ascending(free_areas)) {
    if (size % PMD_SIZE(k) !== 0 || addr % PMD_SIZE(k) !== 0) continue;
    const start = find_vm_area(k, addr)?.addr;
    yield* execmem_set_direct_map_valid_at(k, addr, true);
    free_areas.delete(addr);
    yield* vfree(k, start ?? addr);
  }
  up_write(k, mutex);
}

/** Effect: the range is free, one with free neighbours. Failure: -ENOMEM. Caller's duty: the mutex. :183 */
function* execmem_cache_add_locked(k: Kernel, ptr: VirtualAddress, size: number): Task<number> {
  const { free_areas } = k.execmem_cache;
  const below = mas_walk(free_areas, ptr - k.page_size);
  const above = mas_walk(free_areas, ptr + size);
  const lower = below?.addr ?? ptr;
  const whole = ptr + size + (above?.size ?? 0) - lower;
  const err = yield* mas_store_gfp(free_areas, lower, whole);
  if (err === 0 && above !== undefined) free_areas.delete(above.addr);
  return err;
}

/**
 * Returns the start of the first free range that is large enough, in use from now on, or undefined (NULL). If there is
 * no memory to note what is left of the range, all of it is lost, neither free nor in use. Caller's duty: the mutex.
 * :221
 */
function* execmem_cache_alloc_locked(k: Kernel, size: number): Task<VirtualAddress | undefined> {
  const { busy_areas, free_areas } = k.execmem_cache;
  const found = [...ascending(free_areas)].find((area) => area.size >= size);
  if (found === undefined) return undefined;
  const { addr } = found;
  if ((yield* mas_store_gfp(busy_areas, addr, size)) !== 0) return undefined;
  free_areas.delete(addr);
  if (found.size === size) return addr;
  if ((yield* mas_store_gfp(free_areas, addr + size, found.size - size)) === 0) return addr;
  busy_areas.delete(addr);
  return undefined;
}

/** :270 */
function* __execmem_cache_alloc(k: Kernel, size: number): Task<VirtualAddress | undefined> {
  const { mutex } = k.execmem_cache;
  yield* down_write(k, mutex);
  const p = yield* execmem_cache_alloc_locked(k, size);
  up_write(k, mutex);
  return p;
}

/**
 * Effect: an area more in the cache, read-only and executable, and `size` bytes of it in use. Failure: undefined
 * (NULL), the area freed. If set_memory_rox() fails half way, pages that are read-only in the direct map by then are
 * freed so: the area has no VM_FLUSH_RESET_PERMS. If only the cache has no memory, they are made writable first, but
 * not dirty. With the change `execmem-rox-cache-np` the area leaves the direct map at last, by large leaves. Context: may
 * sleep. :277
 */
function* execmem_cache_populate_alloc(k: Kernel, size: number): Task<VirtualAddress | undefined> {
  let alloc_size = Math.ceil(size / PMD_SIZE(k)) * PMD_SIZE(k);
  let p = yield* execmem_vmalloc(k, alloc_size, VM_ALLOW_HUGE_VMAP);
  if (p === undefined) {
    alloc_size = size;
    p = yield* execmem_vmalloc(k, alloc_size, VM_ALLOW_HUGE_VMAP);
  }
  if (p === undefined) return undefined;
  const vm = find_vm_area(k, p);

  yield* execmem_fill_trapping_insns(k, p, alloc_size);
  if (vm === undefined || (yield* k.set_memory_rox(p, vm.pages.length)) !== 0) {
    yield* vfree(k, p);
    return undefined;
  }
  if (k.has['execmem-rox-cache-np'] && (yield* execmem_set_direct_map_valid(k, vm, false)) !== 0) {
    yield* vfree(k, p);
    return undefined;
  }

  const { mutex } = k.execmem_cache;
  yield* down_write(k, mutex);
  if ((yield* execmem_cache_add_locked(k, p, alloc_size)) !== 0) {
    up_write(k, mutex);
    yield* execmem_set_direct_map_valid(k, vm, true);
    yield* vfree(k, p);
    return undefined;
  }
  const ptr = yield* execmem_cache_alloc_locked(k, size);
  up_write(k, mutex);
  return ptr;
}

/** :331 */
function* execmem_cache_alloc(k: Kernel, size: number): Task<VirtualAddress | undefined> {
  const p = yield* __execmem_cache_alloc(k, size);
  return p ?? (yield* execmem_cache_populate_alloc(k, size));
}

/**
 * Effect: the range is free, filled with traps and read-only, if that worked, which nobody looks at. Failure: it stays
 * in use, writable or not. Caller's duty: the mutex. :357
 */
function* __execmem_cache_free(k: Kernel, { addr, size }: execmem_area): Task<number> {
  let err = yield* execmem_force_rw(k, addr, size);
  if (err !== 0) return err;
  yield* execmem_fill_trapping_insns(k, addr, size);
  yield* execmem_restore_rox(k, addr, size);
  err = yield* execmem_cache_add_locked(k, addr, size);
  if (err !== 0) return err;
  k.execmem_cache.busy_areas.delete(addr);
  return 0;
}

/**
 * Effect: what could not be freed at first is free; what cannot be now either waits for the next call. Context: may
 * sleep; the workqueue calls it every 10 ms while there is anything to do. :380
 */
export function* execmem_cache_free_slow(k: Kernel): Task<void> {
  const { mutex, busy_areas } = k.execmem_cache;
  yield* down_write(k, mutex);
  for (const area of ascending(busy_areas)) {
    if (area.pending_free) yield* __execmem_cache_free(k, area);
  }
  up_write(k, mutex);
}

/** Effect: the range is free, or will be when the workqueue succeeds. Returns false if it is not the cache's. :408 */
function* execmem_cache_free(k: Kernel, ptr: VirtualAddress): Task<boolean> {
  const { mutex, busy_areas } = k.execmem_cache;
  yield* down_write(k, mutex);
  const area = mas_walk(busy_areas, ptr);
  if (area?.pending_free) {
    throw new NotModelledError(
      'execmem_free() of what is freed already',
      'the range waits for the workqueue',
    );
  }
  const err = area === undefined ? 0 : yield* __execmem_cache_free(k, area);
  if (area !== undefined && err !== 0) busy_areas.set(area.addr, { ...area, pending_free: true });
  up_write(k, mutex);
  return area !== undefined;
}

// ---- what others call

/**
 * Returns executable memory of a type that is kept in the cache (module text, ftrace, kprobes), read-only where there
 * is a cache, or undefined (NULL). Context: may sleep. :464
 */
export function* execmem_alloc(k: Kernel, size: number): Task<VirtualAddress | undefined> {
  if (size <= 0)
    throw new NotModelledError('execmem_alloc() of nothing', 'it puts an empty range into a tree');
  if (k.arch_has_execmem_rox) return yield* execmem_cache_alloc(k, size);
  return yield* execmem_vmalloc(k, size, VM_FLUSH_RESET_PERMS);
}

/** The same, writable and not executable for now. Failure: undefined (NULL), the memory freed. :482 */
export function* execmem_alloc_rw(k: Kernel, size: number): Task<VirtualAddress | undefined> {
  const p = yield* execmem_alloc(k, size);
  if (p === undefined) return undefined;
  if ((yield* execmem_force_rw(k, p, size)) === 0) return p;
  yield* execmem_free(k, p);
  return undefined;
}

/** Effect: the memory is back in the cache, at once or later, or freed if it was not of the cache. :497 */
export function* execmem_free(k: Kernel, ptr: VirtualAddress): Task<void> {
  if (!(yield* execmem_cache_free(k, ptr))) yield* vfree(k, ptr);
}
