/**
 * Entries of the hash table (arch/powerpc/mm/book3s64/hash_native.c). A guest asks its hypervisor for the same; the table is
 * not in its memory then, and lies out of the way here. Line numbers are those of v6.12.
 *
 * The lock bit of an entry keeps other CPUs out from the last look at it to its store, and its first doubleword, stored last,
 * makes it valid: here both are one step. Entries that are not bolted are those of user space and vmalloc, of which the
 * model has none.
 */

import type { EntryFlags, VirtualAddress } from '../../../../../mmu/format.ts';
import {
  HPTE_SIZE,
  HPTE_V_BOLTED,
  HPTE_V_SECONDARY,
  HPTE_V_VALID,
  HPTES_PER_GROUP,
} from '../../../../../mmu/ppc64_hash.ts';
import { ENOENT } from '../../../../errno.ts';
import type { LeafEntry } from '../../../../kernel.ts';
import { before_read, store_entry } from '../../../../mm/entry.ts';
import type { Entry } from '../../../../mm/pgtable.ts';
import { flush_pages } from '../../../../mm/tlb_flush.ts';
import { halt, type Task } from '../../../../task.ts';
import { hpt_hash, hpte_encode_v, kernel_vpn, type vpn } from '../../include/asm/book3s/64/mmu_hash.ts';
import type { PowerpcKernel } from '../../powerpc_kernel.ts';

/** What a compare of two first doublewords leaves out: the low 7 bits. */
const COMPARED_LOW = ~0x7f;
/** Since ISA 3.0 the segment's size is in the second doubleword, and the first has no more than 52 bits. */
const COMMON_HIGH = 0x000f_ffff;
const SEGSIZE_1T_3_0_HIGH = 1 << 26;

/** Physical address of an entry's first doubleword. */
function hpte_at(k: PowerpcKernel, slot: number): number {
  return k.hash!.htab_address + slot * HPTE_SIZE;
}

/** Whether entries have the form of ISA 3.0, which a guest does not see. hash_native.c:322 */
function isa_3_0(k: PowerpcKernel): boolean {
  return k.machine.features.powernv && k.machine.features.radix;
}

/** hpte_old_to_new_v() of both halves, or as it is. mmu-hash.h:347 */
function encode_v(k: PowerpcKernel, number: vpn, shift: number): Entry {
  const { low, high } = hpte_encode_v(number, shift, k.small);
  return { low, high: isa_3_0(k) ? high & COMMON_HIGH : high };
}

function is_valid(k: PowerpcKernel, slot: number): boolean {
  return (k.memory.low(hpte_at(k, slot)) & HPTE_V_VALID) !== 0;
}

function matches(k: PowerpcKernel, slot: number, want: Entry): boolean {
  const entry = hpte_at(k, slot);
  const low = k.memory.low(entry);
  if ((low & HPTE_V_VALID) === 0 || k.memory.high(entry) >>> 0 !== want.high) return false;
  return ((low ^ want.low) & COMPARED_LOW) === 0;
}

/**
 * Effect: the first free entry of the group holds the page. Returns its index, with 8 added for the secondary hash.
 * Failure: -1 if the group is full. :286
 */
export function* native_hpte_insert(
  k: PowerpcKernel,
  group: number,
  number: vpn,
  pa: number,
  rflags: EntryFlags,
  vflags: number,
  shift: number,
): Task<number> {
  yield* before_read(k, hpte_at(k, group));
  let i = 0;
  while (i < HPTES_PER_GROUP && is_valid(k, group + i)) i++;
  if (i === HPTES_PER_GROUP) return -1;
  const v = encode_v(k, number, shift);
  const entry = hpte_at(k, group + i);
  const high = Math.floor(pa / 2 ** 32) | (rflags & 0xf000_0000) | (isa_3_0(k) ? SEGSIZE_1T_3_0_HIGH : 0);
  store_entry(k, entry + 8, ((pa % 2 ** 32) | size_encoding(shift) | (rflags & 0xfff)) >>> 0, high >>> 0);
  store_entry(k, entry, (v.low | vflags | HPTE_V_VALID) >>> 0, v.high);
  return i | ((vflags & HPTE_V_SECONDARY) !== 0 ? 8 : 0);
}

/** penc << LP_SHIFT: 1 for 64K, 0 for 16M, nothing for 4K. hash_utils.c:157 */
function size_encoding(shift: number): number {
  return shift === 16 ? 1 << 12 : 0;
}

/** Effect: an entry of the group that is not bolted is gone. Failure: -1 if there is none. :353 */
export function* native_hpte_remove(k: PowerpcKernel, group: number): Task<number> {
  yield* before_read(k, hpte_at(k, group));
  for (let i = 0; i < HPTES_PER_GROUP; i++) {
    const entry = hpte_at(k, group + i);
    const low = k.memory.low(entry);
    if ((low & HPTE_V_VALID) === 0 || (low & HPTE_V_BOLTED) !== 0) continue;
    store_entry(k, entry, 0, 0);
    return i;
  }
  return -1;
}

/** Effect: the entry is gone if it is the page's; the page is flushed from all TLBs in any case. :534 */
export function* native_hpte_invalidate(
  k: PowerpcKernel,
  slot: number,
  address: VirtualAddress,
  shift: number,
): Task<void> {
  const want = encode_v(k, kernel_vpn(address, k.format.pageShift), shift);
  yield* before_read(k, hpte_at(k, slot));
  if (matches(k, slot, want)) store_entry(k, hpte_at(k, slot), 0, 0);
  yield* tlbie(k, address, shift);
}

/** Effect: a bolted page is gone. Failure: -ENOENT. :500 */
export function* native_hpte_removebolted(
  k: PowerpcKernel,
  address: VirtualAddress,
  shift: number,
): Task<number> {
  yield* before_read(k, k.hash!.htab_address);
  const slot = native_hpte_find(k, address, shift);
  if (slot === -1) return -ENOENT;
  store_entry(k, hpte_at(k, slot), 0, 0);
  yield* tlbie(k, address, shift);
  return 0;
}

/** Effect: the page has these protections. The machine dies if it is not mapped. :462 */
export function* native_hpte_updateboltedpp(
  k: PowerpcKernel,
  address: VirtualAddress,
  shift: number,
  pp: EntryFlags,
): Task<void> {
  const slot = native_hpte_find(k, address, shift);
  if (slot === -1) {
    k.die({ how: 'panic', text: 'could not find page to bolt' });
    return yield* halt();
  }
  const entry = hpte_at(k, slot) + 8;
  const low = (k.memory.low(entry) & ~HPTE_R_PP_N) | (pp & HPTE_R_PP_N);
  const high = (k.memory.high(entry) & ~HPTE_R_PP0_HIGH) | (pp & HPTE_R_PP0_HIGH);
  store_entry(k, entry, low >>> 0, high >>> 0);
  yield* tlbie(k, address, shift);
}

/** HPTE_R_PPP | HPTE_R_N, by halves. */
const HPTE_R_PP_N = 7;
const HPTE_R_PP0_HIGH = 1 << 31;

/** Where a page's entry is: in its primary group, or in its secondary one. -1 if it is nowhere. :434 */
function native_hpte_find(k: PowerpcKernel, address: VirtualAddress, shift: number): number {
  const number = kernel_vpn(address, k.format.pageShift);
  const want = encode_v(k, number, shift);
  const hash = hpt_hash(number, shift);
  for (const each of [hash, ~hash]) {
    const group = (each & k.hash!.htab_hash_mask) * HPTES_PER_GROUP;
    for (let i = 0; i < HPTES_PER_GROUP; i++) if (matches(k, group + i, want)) return group + i;
  }
  return -1;
}

function* tlbie(k: PowerpcKernel, address: VirtualAddress, shift: number): Task<void> {
  yield* flush_pages(k, 'all', address, 2 ** shift / k.page_size);
}

/** The entry that hardware finds for an address of the linear map: one that says itself by which hash it was put there. */
export function hashLeafAt(k: PowerpcKernel, address: VirtualAddress): LeafEntry | undefined {
  if (k.hash === undefined || !k.is_linear_map_address(address)) return undefined;
  const shift = k.hash.linear_shift;
  const slot = translation_slot(k, address, shift);
  if (slot === -1) return undefined;
  const entry = hpte_at(k, slot) + 8;
  return {
    level: shift === k.format.pageShift ? 1 : 2,
    low: k.memory.low(entry),
    high: k.memory.high(entry),
  };
}

function translation_slot(k: PowerpcKernel, address: VirtualAddress, shift: number): number {
  const number = kernel_vpn(address, k.format.pageShift);
  const want = encode_v(k, number, shift);
  const hash = hpt_hash(number, shift);
  for (const secondary of [0, HPTE_V_SECONDARY]) {
    const group = ((secondary === 0 ? hash : ~hash) & k.hash!.htab_hash_mask) * HPTES_PER_GROUP;
    for (let slot = group; slot < group + HPTES_PER_GROUP; slot++) {
      const by = k.memory.low(hpte_at(k, slot)) & HPTE_V_SECONDARY;
      if (by === secondary && matches(k, slot, want)) return slot;
    }
  }
  return -1;
}
