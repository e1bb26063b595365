/**
 * The linear map of a hash kernel: one bolted entry for each page, all of one size (arch/powerpc/mm/book3s64/hash_utils.c).
 * Line numbers are those of v7.2.
 *
 * Not modelled: storage keys, resizing of the table, and pages that are larger than 16M or of 1M.
 */

import type { EntryFlags, VirtualAddress } from '../../../../../mmu/format.ts';
import {
  HPTE_R_C,
  HPTE_R_M,
  HPTE_R_N,
  HPTE_R_PP0,
  HPTE_R_R,
  HPTE_V_BOLTED,
  HPTE_V_SECONDARY,
  HPTES_PER_GROUP,
} from '../../../../../mmu/ppc64_hash.ts';
import { _PAGE_DIRTY, _PAGE_EXEC, _PAGE_WRITE } from '../../../../../mmu/ppc64_radix.ts';
import { ENOENT } from '../../../../errno.ts';
import { spin_lock, spin_unlock } from '../../../../kernel/locking/locks.ts';
import { before_read } from '../../../../mm/entry.ts';
import { memblock_phys_alloc_range } from '../../../../mm/memblock.ts';
import { halt, type Task } from '../../../../task.ts';
import { type BootState, panic } from '../../boot_state.ts';
import { hpt_hash, kernel_vpn, type vpn } from '../../include/asm/book3s/64/mmu_hash.ts';
import { PAGE_KERNEL, PAGE_KERNEL_ROX } from '../../include/asm/book3s/64/pgtable.ts';
import { kfence_pool_size } from '../../include/asm/kfence.ts';
import type { PowerpcKernel } from '../../powerpc_kernel.ts';
import {
  native_hpte_insert,
  native_hpte_invalidate,
  native_hpte_remove,
  native_hpte_removebolted,
  native_hpte_updateboltedpp,
} from './hash_native.ts';
import { type HashTable, NO_SLOTS, type SlotArray } from './hash_table.ts';

const _PTEIDX_SECONDARY = 8;
const _PTEIDX_GROUP_IX = 7;
const SLOT_VALID = 0x80;

const GROUP_BYTES = 128;
/** POWER8 and before: the real mode area of a guest is 1G at most; after that 1T. */
const RMA_MAX = { old: 2 ** 30, isa_3_0: 2 ** 40 } as const;

// ---- slots

/** The word of memory that a slot is in. */
function wordOf({ base }: SlotArray, index: number): number {
  return base + Math.floor(index / 8) * 8;
}

/** Another CPU may write it before: not all who read one hold the lock. */
function* read_slot(k: PowerpcKernel, slots: SlotArray, index: number): Task<number> {
  const word = wordOf(slots, index);
  yield* before_read(k, word);
  const half = index % 8 < 4 ? k.memory.low(word) : k.memory.high(word);
  return (half >>> ((index % 4) * 8)) & 0xff;
}

function* write_slot(k: PowerpcKernel, slots: SlotArray, index: number, value: number): Task<void> {
  const word = wordOf(slots, index);
  if (k.interleaved) yield { kind: 'preemption', at: 'write', what: word };
  const shift = (index % 4) * 8;
  const put = (half: number) => ((half & ~(0xff << shift)) | (value << shift)) >>> 0;
  const low = k.memory.low(word);
  const high = k.memory.high(word);
  if (index % 8 < 4) k.memory.write(word, put(low), high);
  else k.memory.write(word, low, put(high));
}

// ---- one page

function vpn_of(k: PowerpcKernel, address: VirtualAddress): vpn {
  return kernel_vpn(address, k.format.pageShift);
}

function group_of(table: HashTable, hash: number): number {
  return (hash & table.htab_hash_mask) * HPTES_PER_GROUP;
}

/** Effect: the bits of a page-table entry as those of a hash entry, of the kernel's memory. :565 */
function htab_convert_pte_flags(pteflags: EntryFlags): EntryFlags {
  const noexec = (pteflags & _PAGE_EXEC) === 0 ? HPTE_R_N : 0;
  const readonly = (pteflags & _PAGE_WRITE) === 0 ? HPTE_R_PP0 | 2 : 0;
  const changed = (pteflags & _PAGE_DIRTY) !== 0 ? HPTE_R_C : 0;
  return noexec | readonly | HPTE_R_R | changed | HPTE_R_M;
}

function* bug(k: PowerpcKernel, where: string): Task<never> {
  k.die({ how: 'BUG', text: `kernel BUG in ${where}` });
  return yield* halt();
}

/**
 * Effect: the page is in the table, in its primary group or its secondary one. Returns the slot in the group, with 8 added
 * in the secondary. Where both are full an entry that is not bolted has to go. If there is none the CPU goes round
 * for ever. The kernel tosses a coin for the group; here it is the first that has a victim. :2292
 */
function* hpte_insert_repeating(
  k: PowerpcKernel,
  address: VirtualAddress,
  pa: number,
  rflags: EntryFlags,
): Task<number> {
  const table = k.hash!;
  const number = vpn_of(k, address);
  const hash = hpt_hash(number, table.linear_shift);
  const primary = group_of(table, hash);
  const secondary = group_of(table, ~hash);
  for (;;) {
    let slot = yield* native_hpte_insert(k, primary, number, pa, rflags, HPTE_V_BOLTED, table.linear_shift);
    if (slot !== -1) return slot;
    const vflags = HPTE_V_BOLTED | HPTE_V_SECONDARY;
    slot = yield* native_hpte_insert(k, secondary, number, pa, rflags, vflags, table.linear_shift);
    if (slot !== -1) return slot;
    if ((yield* native_hpte_remove(k, primary)) !== -1) continue;
    if ((yield* native_hpte_remove(k, secondary)) !== -1) continue;
    k.die({
      how: 'panic',
      text: `CPU ${k.cpu} spins for ever in hpte_insert_repeating() with interrupts off: both groups of the page are full of bolted entries`,
    });
    yield* halt();
  }
}

/** Effect: the page is mapped, if it was not (before v6.1: a BUG if it was, after a second entry was made). :278 */
function* kernel_map_linear_page(
  k: PowerpcKernel,
  vaddr: VirtualAddress,
  idx: number,
  slots: SlotArray,
): Task<void> {
  if (k.has['hash-double-map'] && ((yield* read_slot(k, slots, idx)) & SLOT_VALID) !== 0) return;
  const mode = htab_convert_pte_flags(PAGE_KERNEL);
  const ret = yield* hpte_insert_repeating(k, vaddr, k.__pa(vaddr), mode);
  yield* spin_lock(k, k.linear_map_hash_lock);
  if (((yield* read_slot(k, slots, idx)) & SLOT_VALID) !== 0)
    yield* bug(k, 'kernel_map_linear_page(): the page is mapped');
  yield* write_slot(k, slots, idx, ret | SLOT_VALID);
  spin_unlock(k, k.linear_map_hash_lock);
}

/** Effect: the page is not mapped (before v6.1: a BUG if it was not). :306 */
function* kernel_unmap_linear_page(
  k: PowerpcKernel,
  vaddr: VirtualAddress,
  idx: number,
  slots: SlotArray,
): Task<void> {
  const table = k.hash!;
  yield* spin_lock(k, k.linear_map_hash_lock);
  const recorded = yield* read_slot(k, slots, idx);
  if ((recorded & SLOT_VALID) === 0) {
    if (!k.has['hash-double-map']) yield* bug(k, 'kernel_unmap_linear_page(): the page is not mapped');
    spin_unlock(k, k.linear_map_hash_lock);
    return;
  }
  yield* write_slot(k, slots, idx, 0);
  spin_unlock(k, k.linear_map_hash_lock);
  const hash = hpt_hash(vpn_of(k, vaddr), table.linear_shift);
  const group = group_of(table, (recorded & _PTEIDX_SECONDARY) !== 0 ? ~hash : hash);
  yield* native_hpte_invalidate(k, group + (recorded & _PTEIDX_GROUP_IX), vaddr, table.linear_shift);
}

// ---- __kernel_map_pages()

function is_kfence_address(k: PowerpcKernel, address: VirtualAddress): boolean {
  const pool = k.hash?.kfence;
  return pool !== undefined && address >= pool.start && address < pool.end;
}

/**
 * Effect: the pages are mapped, or not. Pages beyond the memory of boot are passed over. Returns 0. Interrupts are off.
 * :522; :2180 (v6.12), hash__kernel_map_pages() :2038 (v6.1), :1956 (v5.10)
 */
export function* hash__kernel_map_pages(
  k: PowerpcKernel,
  pfn: number,
  numpages: number,
  enable: number,
): Task<number> {
  const table = k.hash!;
  const of_pool = k.has['hash-kfence-early-pool'] && is_kfence_address(k, k.page_address(pfn));
  const slots = of_pool ? table.linear_map_kf_hash_slots : table.linear_map_hash_slots;
  const first = of_pool ? Math.round(table.kfence!.start - k.page_address(0)) / k.page_size : 0;
  if (slots.count === 0) {
    k.guard('hash__kernel_map_pages()', 'linear_map_hash_count is 0: no page has a slot');
    return 0;
  }
  const irqs = k.irqs_disabled[k.cpu]!;
  k.irqs_disabled[k.cpu] = 1;
  for (let page = pfn; page < pfn + numpages; page++) {
    const lmi = page - first;
    if (lmi >= slots.count) {
      if (of_pool) k.warn_once('hash_kfence_map_pages', 'WARN_ON_ONCE(1) in hash_kfence_map_pages()');
      continue;
    }
    if (enable !== 0) yield* kernel_map_linear_page(k, k.page_address(page), lmi, slots);
    else yield* kernel_unmap_linear_page(k, k.page_address(page), lmi, slots);
  }
  k.irqs_disabled[k.cpu] = irqs;
  return 0;
}

// ---- bolting

/** Effect: the slot of a page is noted, if it is one of those that are. :538 */
function* hash_linear_map_add_slot(k: PowerpcKernel, paddr: number, slot: number): Task<void> {
  const table = k.hash!;
  if (is_kfence_address(k, k.__va(paddr))) {
    const index = (k.__va(paddr) - table.kfence!.start) / k.page_size;
    yield* write_slot(k, table.linear_map_kf_hash_slots, index, slot | SLOT_VALID);
    return;
  }
  const lmi = paddr / k.page_size;
  if (lmi < table.linear_map_hash_slots.count) {
    yield* write_slot(k, table.linear_map_hash_slots, lmi, slot | SLOT_VALID);
  }
}

/**
 * Effect: whole pages of the range are in the table for good. Failure: -1 where the groups of one are full, and what
 * was done before stays. A page that has no room in its primary group goes to the secondary one without a mark that
 * says so: hardware does not find it there. :630
 */
export function* htab_bolt_mapping(
  k: PowerpcKernel,
  vstart: VirtualAddress,
  vend: VirtualAddress,
  prot: EntryFlags,
): Task<number> {
  const table = k.hash!;
  const shift = table.linear_shift;
  const step = 2 ** shift;
  const rflags = htab_convert_pte_flags(prot);
  const end = Math.floor(vend / step) * step;
  for (let vaddr = Math.ceil(vstart / step) * step; vaddr < end; vaddr += step) {
    const paddr = k.__pa(vaddr);
    const tprot = overlaps_kernel_text(k, paddr, paddr + step) ? rflags & ~HPTE_R_N : rflags;
    const number = vpn_of(k, vaddr);
    const hash = hpt_hash(number, shift);
    let ret = -1;
    for (const each of [hash, ~hash]) {
      const group = group_of(table, each);
      ret = yield* native_hpte_insert(k, group, number, paddr, tprot, HPTE_V_BOLTED, shift);
      if (ret === -1 && (yield* native_hpte_remove(k, group)) !== -1)
        ret = yield* native_hpte_insert(k, group, number, paddr, tprot, HPTE_V_BOLTED, shift);
      if (ret !== -1) break;
    }
    if (ret < 0) return ret;
    yield* hash_linear_map_add_slot(k, paddr, ret);
  }
  return 0;
}

function overlaps_kernel_text(k: PowerpcKernel, start: number, end: number): boolean {
  return start < k.image.init_end && k.image.stext < end;
}

/** Effect: no page of the range is in the table. Failure: -ENOENT if one was not, after all the others are gone. :709 */
function* htab_remove_mapping(k: PowerpcKernel, vstart: VirtualAddress, vend: VirtualAddress): Task<number> {
  const shift = k.hash!.linear_shift;
  const step = 2 ** shift;
  let ret = 0;
  for (let vaddr = Math.floor(vstart / step) * step; vaddr < vend; vaddr += step) {
    const rc = yield* native_hpte_removebolted(k, vaddr, shift);
    if (rc === -ENOENT) ret = -ENOENT;
    else if (rc !== 0) return rc;
  }
  return ret;
}

// ---- memory hotplug

/** Effect: the range is mapped. Failure: -1, and as much of it as was is mapped no more. :1237 */
export function* hash__create_section_mapping(
  k: PowerpcKernel,
  start: VirtualAddress,
  end: VirtualAddress,
): Task<number> {
  const rc = yield* htab_bolt_mapping(k, start, end, PAGE_KERNEL);
  if (rc < 0) {
    const rc2 = yield* htab_remove_mapping(k, start, end);
    if (rc2 !== 0 && rc2 !== -ENOENT) yield* bug(k, 'hash__create_section_mapping()');
  }
  return rc;
}

/** Effect: the range is mapped no more. The slots of its pages stay as they are. Failure: -ENOENT. :1263 */
export function* hash__remove_section_mapping(
  k: PowerpcKernel,
  start: VirtualAddress,
  end: VirtualAddress,
): Task<number> {
  const rc = yield* htab_remove_mapping(k, start, end);
  if (rc !== 0 && !k.has['hash-double-map']) k.warn('WARN_ON(rc < 0) in hash__remove_section_mapping()');
  return rc;
}

// ---- boot

/** Bytes that can be reached in real mode. hash__setup_initial_memory_limit() :2418 */
export function ppc64_rma_size(k: PowerpcKernel): number {
  const { features, memory } = k.machine;
  if (features.rma_size !== undefined) return features.rma_size;
  if (features.powernv) return Number.POSITIVE_INFINITY;
  const first = memory.find(({ type }) => type === 'RAM');
  const most = features.radix ? RMA_MAX.isa_3_0 : RMA_MAX.old;
  return Math.min(first === undefined ? 0 : first.end - first.start, most);
}

function end_of_dram(k: PowerpcKernel): number {
  return Math.max(0, ...k.machine.memory.filter(({ type }) => type === 'RAM').map(({ end }) => end));
}

/** Whether the pages of the linear map shall have slots. :333; what v6.12 and before ask instead: mmu_decl.h:174 (v6.12) */
function wants_slots(k: PowerpcKernel): boolean {
  const { debug_pagealloc } = k.boot;
  if (k.has['hash-debug-pagealloc-fits'])
    return debug_pagealloc && end_of_dram(k) / k.page_size <= ppc64_rma_size(k) / 4;
  return debug_pagealloc || (k.has['hash-kfence-base-pages'] && k.config.KFENCE);
}

/** asm/kfence.h:33 */
function kfence_early_init_enabled(k: PowerpcKernel): boolean {
  return k.has.kfence && k.config.KFENCE && k.boot.kfence_sample_interval !== 0;
}

/** mmu_linear_psize: base pages where single pages must be mapped and unmapped, else large ones. :1070 */
function linear_shift(k: PowerpcKernel): number {
  const pool = k.has['hash-kfence-early-pool'] && kfence_early_init_enabled(k);
  return wants_slots(k) || pool ? k.format.pageShift : k.format.levelShift(2);
}

/** log2 of the groups that have room for all base pages and for no more. */
function fewest_groups_log2(k: PowerpcKernel): number {
  return Math.ceil(Math.log2(end_of_dram(k) / k.page_size / HPTES_PER_GROUP));
}

/** log2 of the table's size. In a small geometry it is as small as can be. :1180; a hypervisor's choice for its guest is QEMU's, hw/ppc/spapr.c */
function htab_shift(k: PowerpcKernel): number {
  if (k.small) return Math.log2(GROUP_BYTES) + Math.max(k.machine.index_bits, fewest_groups_log2(k));
  const ram = k.machine.memory.reduce(
    (sum, { type, start, end }) => sum + (type === 'RAM' ? end - start : 0),
    0,
  );
  const memshift = Math.ceil(Math.log2(ram));
  const { powernv } = k.machine.features;
  return Math.max(powernv ? memshift - (k.format.pageShift + 1) + 7 : memshift - 7, 18);
}

/** Above all RAM. */
function out_of_the_way(k: PowerpcKernel, bytes: number): number {
  return Math.ceil(Math.max(end_of_dram(k), k.image.swapper_pg_dir + 2 ** 20) / bytes) * bytes;
}

/** Effect: an array of a byte for each page, in the real mode area. Panics if it has no room. :349 */
function alloc_slots(init: BootState, count: number, where: string): SlotArray {
  const { k, memblock } = init;
  const base = k.small
    ? out_of_the_way(k, 2 ** 24) + 2 ** 24
    : memblock_phys_alloc_range(memblock, count, 8, 0, ppc64_rma_size(k));
  if (base === 0) panic(k, `${where}: Failed to allocate ${count} bytes`);
  return { base, count };
}

/** Effect: the table is there, and has all memory. Dies if a page has no room in it. :1332 */
export function* htab_initialize(init: BootState): Task<void> {
  const { k, memblock } = init;
  const bytes = 2 ** htab_shift(k);
  const owned = k.machine.features.powernv && !k.small;
  const htab_address = owned
    ? memblock_phys_alloc_range(memblock, bytes, bytes, 0, Number.POSITIVE_INFINITY)
    : out_of_the_way(k, Math.max(bytes, k.page_size));
  if (htab_address === 0) panic(k, `ERROR: Failed to allocate ${bytes} bytes`);
  k.hash = {
    htab_address,
    htab_hash_mask: bytes / GROUP_BYTES - 1,
    linear_shift: linear_shift(k),
    linear_map_hash_slots: NO_SLOTS,
    linear_map_kf_hash_slots: NO_SLOTS,
    kfence: undefined,
  };
  if (wants_slots(k)) {
    const where = k.has['hash-debug-pagealloc-fits'] ? 'hash_debug_pagealloc_alloc_slots' : 'htab_initialize';
    k.hash.linear_map_hash_slots = alloc_slots(init, end_of_dram(k) / k.page_size, where);
  }
  const pool = hash_kfence_alloc_pool(init);
  for (const { start, end } of memblock.memory) {
    for (const part of around(start, end, pool, kfence_pool_size(k))) {
      const ret = yield* htab_bolt_mapping(k, k.__va(part.start), k.__va(part.end), PAGE_KERNEL);
      if (ret !== 0) yield* bug(k, 'htab_initialize(): htab_bolt_mapping() failed');
    }
  }
  if (k.has['hash-kfence-early-pool']) yield* hash_kfence_map_pool(k, pool);
}

/** Effect: KFENCE's pool is set aside where it starts with the system. :393; kfence_alloc_pool(), mm/kfence/core.c:886 */
function hash_kfence_alloc_pool(init: BootState): number {
  const { k, memblock } = init;
  const size = kfence_pool_size(k);
  const early = k.has['hash-kfence-early-pool'];
  if (!kfence_early_init_enabled(k)) {
    k.kfence_disabled = early;
    return 0;
  }
  const slots = early ? size / k.page_size : 0;
  if (early) k.hash!.linear_map_kf_hash_slots = kfence_slots(init, slots);
  const pool = memblock_phys_alloc_range(memblock, size, k.page_size, 0, Number.POSITIVE_INFINITY);
  if (pool === 0) {
    k.kfence_disabled = early;
    return 0;
  }
  k.kfence_pool = { start: pool / k.page_size, end: (pool + size) / k.page_size };
  return early ? pool : 0;
}

function kfence_slots(init: BootState, count: number): SlotArray {
  const { k, memblock } = init;
  const base = k.small
    ? out_of_the_way(k, 2 ** 24) + 2 ** 25
    : memblock_phys_alloc_range(memblock, count, 8, 0, ppc64_rma_size(k));
  return base === 0 ? NO_SLOTS : { base, count };
}

/** Effect: the pool, which was left out before, is mapped, and its pages have slots of their own. :440 */
function* hash_kfence_map_pool(k: PowerpcKernel, pool: number): Task<void> {
  if (pool === 0) return;
  const start = k.__va(pool);
  const end = start + kfence_pool_size(k);
  k.hash!.kfence = { start, end };
  const ret = yield* htab_bolt_mapping(k, start, end, PAGE_KERNEL);
  if (ret !== 0) yield* bug(k, 'hash_kfence_map_pool(): htab_bolt_mapping() failed');
}

/** [start, end) without the pool, if it is in there. */
function around(start: number, end: number, pool: number, size: number): { start: number; end: number }[] {
  if (pool === 0 || pool < start || pool >= end) return [{ start, end }];
  return [
    { start, end: pool },
    { start: pool + size, end },
  ].filter((part) => part.start < part.end);
}

/** Effect: every page of [start, end) has these protections, in whole pages of the linear map. hash_pgtable.c:489 (v6.12) */
function* hash__change_memory_range(
  k: PowerpcKernel,
  start: number,
  end: number,
  prot: EntryFlags,
): Task<void> {
  const shift = k.hash!.linear_shift;
  const step = 2 ** shift;
  const last = Math.ceil(end / step) * step;
  for (let physical = Math.floor(start / step) * step; physical < last; physical += step)
    yield* native_hpte_updateboltedpp(k, k.__va(physical), shift, htab_convert_pte_flags(prot));
}

/** Effect: text and read-only data are not writable. hash_pgtable.c:541 (v6.12) */
export function* hash__mark_rodata_ro(k: PowerpcKernel): Task<void> {
  yield* hash__change_memory_range(k, k.image.stext, k.image.srwx_boundary, PAGE_KERNEL_ROX);
}

/** Effect: __init is not executable. hash_pgtable.c:553 (v6.12) */
export function* hash__mark_initmem_nx(k: PowerpcKernel): Task<void> {
  yield* hash__change_memory_range(k, k.image.srwx_boundary, k.image.init_end, PAGE_KERNEL);
}
