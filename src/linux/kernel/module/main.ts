/**
 * Loading a module, as far as the permissions of its memory go (kernel/module/main.c and strict_rwx.c; kernel/module.c
 * before v5.19). Sizes are in pages; line numbers are those of v7.2.
 *
 * Not modelled: the parts that are freed after the module's init, duplicates, and what is in the pages. Before v6.10 some
 * architectures had an area reset when freed only from the time when it was made read-only; here always, as on x86.
 */

import { NotModelledError } from '../../../errors.ts';
import { hexAddress, type VirtualAddress } from '../../../mmu/format.ts';
import { ENOENT, ENOMEM, errnoText } from '../../errno.ts';
import { type Kernel, rightsOf } from '../../kernel.ts';
import { write_kernel } from '../../mm/access.ts';
import { execmem_alloc_rw, execmem_free, execmem_restore_rox } from '../../mm/execmem.ts';
import {
  __vmalloc_node_range,
  find_vm_area,
  set_vm_flush_reset_perms,
  VM_FLUSH_RESET_PERMS,
  vfree,
} from '../../mm/vmalloc.ts';
import { halt, type Task } from '../../task.ts';

/** enum mod_mem_type, module.h:329 */
export const MOD_TEXT = 0;
export const MOD_DATA = 1;
export const MOD_RODATA = 2;
export const MOD_RO_AFTER_INIT = 3;
const MOD_MEM_TYPES = [MOD_TEXT, MOD_DATA, MOD_RODATA, MOD_RO_AFTER_INIT] as const;
const DATA_TYPES = [MOD_DATA, MOD_RODATA, MOD_RO_AFTER_INIT] as const;
/** Before v6.4 one area had them all, in this order. */
const LAYOUT = [MOD_TEXT, MOD_RODATA, MOD_RO_AFTER_INIT, MOD_DATA] as const;

export type mod_mem_type = (typeof MOD_MEM_TYPES)[number];

export interface module_memory {
  readonly base: VirtualAddress;
  /** In pages; 0 where the module has none of the type. */
  readonly size: number;
  /** From execmem's cache, and read-only unless the module is being loaded. */
  readonly is_rox: boolean;
}

/** Never changed: a change makes a new one. */
export interface module {
  readonly state: 'UNFORMED' | 'COMING' | 'LIVE';
  /** By mod_mem_type. */
  readonly mem: readonly module_memory[];
}

type SetMemory = (addr: VirtualAddress, numpages: number) => Task<number>;

// ---- memory

/** Effect: memory for one type. Failure: undefined (NULL). :1341 */
function* module_memory_alloc(k: Kernel, type: mod_mem_type, size: number): Task<module_memory | undefined> {
  if (size === 0) return { base: 0, size, is_rox: false };
  const is_rox = type === MOD_TEXT && k.arch_has_execmem_rox;
  const base = yield* is_rox
    ? execmem_alloc_rw(k, size * k.page_size)
    : __vmalloc_node_range(k, size, VM_FLUSH_RESET_PERMS);
  return base === undefined ? undefined : { base, size, is_rox };
}

/** An area for each type, or before v6.4 one for all. Failure: undefined, and nothing is kept. :2797 */
function* move_module(k: Kernel, sizes: readonly number[]): Task<module_memory[] | undefined> {
  const mem: module_memory[] = [];
  if (k.has['module-memory-types']) {
    for (const type of MOD_MEM_TYPES) {
      const part = yield* module_memory_alloc(k, type, sizes[type]!);
      if (part === undefined) {
        yield* free_mod_mem(k, mem);
        return undefined;
      }
      mem.push(part);
    }
  } else {
    const total = sizes.reduce((sum, size) => sum + size, 0);
    let base = yield* __vmalloc_node_range(k, total, VM_FLUSH_RESET_PERMS);
    if (base === undefined) return undefined;
    for (const type of LAYOUT) {
      mem[type] = { base, size: sizes[type]!, is_rox: false };
      base += sizes[type]! * k.page_size;
    }
  }
  for (const { base, size } of mem) {
    for (let page = 0; page < size; page++) yield* write_kernel(k, base + page * k.page_size);
  }
  return mem;
}

/** Effect: the module's areas are free, their aliases in the direct map writable again. :1396 */
function* free_mod_mem(k: Kernel, mem: readonly module_memory[]): Task<void> {
  if (k.has['module-memory-types']) {
    for (const { base, size } of mem) if (size > 0) yield* execmem_free(k, base);
  } else yield* vfree(k, mem[MOD_TEXT]!.base);
}

// ---- permissions

/** Effect: the type's pages changed by `set_memory`, and reset when they are freed. strict_rwx.c:15 */
function* module_set_memory(k: Kernel, { base, size }: module_memory, set_memory: SetMemory): Task<number> {
  if (size === 0) return 0;
  const area = find_vm_area(k, base)!;
  if ((area.flags & VM_FLUSH_RESET_PERMS) === 0) set_vm_flush_reset_perms(k, base);
  return yield* set_memory(base, size);
}

const ro =
  (k: Kernel): SetMemory =>
  (addr, pages) =>
    k.set_memory_ro(addr, pages);
const nx =
  (k: Kernel): SetMemory =>
  (addr, pages) =>
    k.set_memory_nx(addr, pages);
const x =
  (k: Kernel): SetMemory =>
  (addr, pages) =>
    k.set_memory_x(addr, pages);

/** Effect: text is read-only and executable. strict_rwx.c:33 */
function* module_enable_text_rox(k: Kernel, { mem }: module): Task<number> {
  const text = mem[MOD_TEXT]!;
  if (text.is_rox) return yield* execmem_restore_rox(k, text.base, text.size * k.page_size);
  return yield* module_set_memory(k, text, (addr, pages) => k.set_memory_rox(addr, pages));
}

/** strict_rwx.c:54 */
function* module_enable_rodata_ro(k: Kernel, { mem }: module): Task<number> {
  if (!k.boot.rodata) return 0;
  return yield* module_set_memory(k, mem[MOD_RODATA]!, ro(k));
}

/** strict_rwx.c:71 */
function* module_enable_rodata_ro_after_init(k: Kernel, { mem }: module): Task<number> {
  if (!k.boot.rodata) return 0;
  return yield* module_set_memory(k, mem[MOD_RO_AFTER_INIT]!, ro(k));
}

/** strict_rwx.c:79 */
function* module_enable_data_nx(k: Kernel, { mem }: module): Task<number> {
  for (const type of DATA_TYPES) {
    const ret = yield* module_set_memory(k, mem[type]!, nx(k));
    if (ret !== 0) return ret;
  }
  return 0;
}

/** Effect: as the four above together, as far as it works: nobody looks. kernel/module.c:2061, :3889 (v5.10) */
function* enable_all_unchecked(k: Kernel, { mem }: module): Task<void> {
  if (k.boot.rodata) {
    yield* module_set_memory(k, mem[MOD_TEXT]!, ro(k));
    yield* module_set_memory(k, mem[MOD_RODATA]!, ro(k));
  }
  for (const type of [MOD_RODATA, MOD_RO_AFTER_INIT, MOD_DATA]) {
    yield* module_set_memory(k, mem[type]!, nx(k));
  }
  yield* module_set_memory(k, mem[MOD_TEXT]!, x(k));
}

// ---- loading

/** Effect: the module's memory has its permissions. Failure, since v6.9: the first error, with what was done. :3317 */
function* complete_formation(k: Kernel, mod: module): Task<number> {
  if (!k.has['module-errors-honoured']) {
    yield* enable_all_unchecked(k, mod);
    return 0;
  }
  for (const enable of [module_enable_rodata_ro, module_enable_data_nx, module_enable_text_rox]) {
    const err = yield* enable(k, mod);
    if (err !== 0) return err;
  }
  return 0;
}

/** Effect: the machine dies unless the address is mapped and executable. */
function* execute(k: Kernel, address: VirtualAddress): Task<void> {
  const leaf = k.translate(address);
  if (leaf !== undefined && rightsOf(k.format, leaf).executable) return;
  const what = leaf === undefined ? 'an unmapped page' : 'an NX-protected page';
  k.die({ how: 'oops', text: `kernel tried to execute ${what} at ${hexAddress(address)}` });
  yield* halt();
}

/**
 * Effect: the module's init has run, and what may be written only until then is read-only. Failure, v6.9 to v6.13: the
 * error of the latter, with the module's memory freed although its init has run. :3088
 */
function* do_init_module(k: Kernel, id: number, mod: module): Task<number> {
  if (mod.mem[MOD_TEXT]!.size > 0) yield* execute(k, mod.mem[MOD_TEXT]!.base);
  k.modules.set(id, { ...mod, state: 'LIVE' });
  if (!k.has['module-errors-honoured']) {
    if (k.boot.rodata) yield* module_enable_unchecked_again(k, mod);
    return 0;
  }
  const ret = yield* module_enable_rodata_ro_after_init(k, mod);
  if (ret === 0) return 0;
  if (!k.has['module-ro-after-init-warns']) {
    yield* free_module(k, id);
    return ret;
  }
  k.printk(
    'warn',
    `module_enable_rodata_ro_after_init() returned ${errnoText(ret)}, ro_after_init data might still be writable`,
  );
  return 0;
}

/** Text and rodata once more, then what may be written only until init. kernel/module.c:3768 (v5.10) */
function* module_enable_unchecked_again(k: Kernel, { mem }: module): Task<void> {
  for (const type of [MOD_TEXT, MOD_RODATA, MOD_RO_AFTER_INIT]) {
    yield* module_set_memory(k, mem[type]!, ro(k));
  }
}

/**
 * Returns the module's number, from 1 up. `sizes` are pages by mod_mem_type. Failure: -ENOMEM, or the error of a
 * set_memory_*() that is honoured; nothing is kept. Context: may sleep. :3517
 */
export function* load_module(k: Kernel, sizes: readonly number[]): Task<number> {
  if (sizes[MOD_TEXT] === 0) {
    throw new NotModelledError('a module without text', 'every module has some');
  }
  const mem = yield* move_module(k, sizes);
  if (mem === undefined) return -ENOMEM;
  const mod: module = { state: 'UNFORMED', mem };
  const err = yield* complete_formation(k, mod);
  if (err !== 0) {
    yield* free_mod_mem(k, mem);
    return err;
  }
  let id = 1;
  while (k.modules.has(id)) id++;
  const coming: module = { ...mod, state: 'COMING' };
  k.modules.set(id, coming);
  const ret = yield* do_init_module(k, id, coming);
  return ret === 0 ? id : ret;
}

/** Effect: the module's memory is free. Failure: -ENOENT. :1405 */
export function* free_module(k: Kernel, id: number): Task<number> {
  const mod = k.modules.get(id);
  if (mod === undefined) return -ENOENT;
  k.modules.delete(id);
  yield* free_mod_mem(k, mod.mem);
  return 0;
}

/** Where the module has its memory of one type; undefined (NULL) if it has none. */
export function module_address(k: Kernel, id: number, type: number): VirtualAddress | undefined {
  const part = k.modules.get(id)?.mem[type];
  return part === undefined || part.size === 0 ? undefined : part.base;
}
