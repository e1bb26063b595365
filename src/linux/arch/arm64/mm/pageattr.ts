/**
 * Changing what is mapped (arch/arm64/mm/pageattr.c). Line numbers are those of v7.2; where another version has a function
 * of its own, its line is named.
 *
 * Nobody keeps two callers from editing one entry: each must own its range.
 */

import { PTE_PXN, PTE_RDONLY, PTE_VALID } from '../../../../mmu/arm64.ts';
import type { VirtualAddress } from '../../../../mmu/format.ts';
import { EINVAL } from '../../../errno.ts';
import { before_read, set_entry } from '../../../mm/entry.ts';
import { apply_to_page_range } from '../../../mm/memory.ts';
import { type mm_walk, table_below, walk_kernel_page_table_range_lockless } from '../../../mm/pagewalk.ts';
import { type Entry, entry_in, entry_leaf, entry_none } from '../../../mm/pgtable.ts';
import { find_vm_area, VM_ALLOC, VM_ALLOW_HUGE_VMAP, vm_unmap_aliases } from '../../../mm/vmalloc.ts';
import type { Task } from '../../../task.ts';
import type { Arm64Kernel } from '../arm64_kernel.ts';
import { pte_valid } from '../include/asm/pgtable.ts';
import {
  PTE_PRESENT_INVALID,
  PTE_PRESENT_VALID_KERNEL,
  PTE_WRITE,
  pgprot,
  pgprot_is,
  pgprot_or,
} from '../include/asm/pgtable_prot.ts';
import { rsi_set_memory_range } from '../kernel/rsi.ts';
import { split_kernel_leaf_mapping } from './mmu.ts';

// ---- which kernels edit

/** Whether the direct map is mapped so that single pages of it can be edited, or can be split. :90, :23 (v6.1) */
export function can_set_direct_map(k: Arm64Kernel): boolean {
  return (
    k.rodata_full || k.debug_pagealloc_enabled() || arm64_kfence_can_set_direct_map(k) || k.is_realm_world()
  );
}

/** KFENCE may be turned on later, when its pool is somewhere in the direct map. asm/kfence.h:22 */
export function arm64_kfence_can_set_direct_map(k: Arm64Kernel): boolean {
  return k.has['kfence-pool-of-pages'] && k.kfence_configured && !k.kfence_early_init;
}

/** Whether set_direct_map_*() do anything at all. :259, :271, :158 (v5.10) */
function direct_map_gate(k: Arm64Kernel, where: string): boolean {
  let open = k.rodata_full;
  if (k.has['kfence-pool-of-pages']) open = can_set_direct_map(k);
  else if (k.has['set-direct-map-honours-debug-pagealloc']) open ||= k.debug_pagealloc_enabled();
  if (!open) k.guard(where, closedBecause(k));
  return open;
}

/** Whether __kernel_map_pages() does anything at all. :377, :183 (v5.10) */
function kernel_map_pages_gate(k: Arm64Kernel, where: string): boolean {
  const open = k.has['kfence-pool-of-pages']
    ? can_set_direct_map(k)
    : k.rodata_full || k.debug_pagealloc_enabled();
  if (!open) k.guard(where, closedBecause(k));
  return open;
}

function closedBecause(k: Arm64Kernel): string {
  if (k.has['kfence-pool-of-pages']) return 'can_set_direct_map() is false: nothing is done';
  const debug = k.has['set-direct-map-honours-debug-pagealloc'] ? ' and debug_pagealloc is off' : '';
  return `rodata is not full${debug}: nothing is done`;
}

// ---- editing

/** Effect: one entry has the new bits. Cleared first, then set, for some callers name a bit in both. :24 */
function* change_entry(k: Arm64Kernel, entry: number, set: Entry, clear: Entry): Task<void> {
  const low = (k.memory.low(entry) & ~clear.low) | set.low;
  const high = (k.memory.high(entry) & ~clear.high) | set.high;
  yield* set_entry(k, entry, low, high);
}

/** Effect: a PMD or PUD leaf that is covered whole has the new bits. Failure: -EINVAL if it is not. :39, :55 */
function pageattr_leaf_entry(k: Arm64Kernel, level: number, set: Entry, clear: Entry) {
  return function* (entry: number, addr: VirtualAddress, next: VirtualAddress, walk: mm_walk): Task<number> {
    if (!entry_leaf(k, entry, level)) return 0;
    if (next - addr !== 2 ** k.format.levelShift(level)) {
      const name = k.format.levelName(level).toLowerCase();
      k.warn_once(`pageattr_${name}_entry`, `pageattr_${name}_entry(): part of a leaf`);
      return -EINVAL;
    }
    yield* change_entry(k, entry, set, clear);
    walk.action = 'CONTINUE';
    return 0;
  };
}

/**
 * Effect: what is mapped in the range has the new bits; leaves that it covers in part are split before, where that is
 * possible. What is not mapped is passed over. Failure: as split_kernel_leaf_mapping(), with a warning and nothing but
 * splits done; -EINVAL for an empty range, or a leaf that is still covered in part, with what is before it done. :105
 */
function* update_range_prot(
  k: Arm64Kernel,
  start: VirtualAddress,
  size: number,
  set: Entry,
  clear: Entry,
): Task<number> {
  const split = yield* split_kernel_leaf_mapping(k, start, start + size);
  if (split !== 0) {
    k.warn_once('update_range_prot', 'update_range_prot(): a leaf could not be split');
    return split;
  }
  return yield* walk_kernel_page_table_range_lockless(k, start, start + size, {
    pud_entry: pageattr_leaf_entry(k, 3, set, clear),
    pmd_entry: pageattr_leaf_entry(k, 2, set, clear),
    *pte_entry(pte) {
      yield* change_entry(k, pte, set, clear);
      return 0;
    },
  });
}

/** The same before there was splitting: every PTE of the range, tables made where there are none. :37 (v5.10) */
function* apply_change(
  k: Arm64Kernel,
  start: VirtualAddress,
  size: number,
  set: Entry,
  clear: Entry,
): Task<number> {
  return yield* apply_to_page_range(k, start, size, function* change_page_range(pte) {
    yield* change_entry(k, pte, set, clear);
    return 0;
  });
}

function* change_range(
  k: Arm64Kernel,
  start: VirtualAddress,
  size: number,
  set: Entry,
  clear: Entry,
): Task<number> {
  return k.has['linear-map-split']
    ? yield* update_range_prot(k, start, size, set, clear)
    : yield* apply_change(k, start, size, set, clear);
}

/** Effect: as above, and the range is flushed, whatever came out of it, unless it only became valid. :132 */
function* __change_memory_common(
  k: Arm64Kernel,
  start: VirtualAddress,
  size: number,
  set: Entry,
  clear: Entry,
): Task<number> {
  const ret = yield* change_range(k, start, size, set, clear);
  if (!k.has['no-flush-when-made-valid'] || !onlyMadeValid(k, set, clear))
    yield* k.flush_tlb_kernel_range(start, start + size);
  return ret;
}

function onlyMadeValid(k: Arm64Kernel, set: Entry, clear: Entry): boolean {
  const { set: valid, clear: invalid } = validMasks(k, true);
  return pgprot_is(set, valid) && pgprot_is(clear, invalid);
}

/**
 * Effect: the range of one vmalloc area has the new bits. Under rodata=full its pages' aliases in the direct map become
 * read-only or writable with it. Failure: -EINVAL for all but a range in one area; then that of an alias, if this kernel
 * looks, with the aliases before it changed; then that of the range itself. The guard page has no alias: v7.2, asked for it,
 * reads past its array of pages, and whatever page it finds there is taken for one without a mapping here. Context: may
 * sleep. :150, :53 (v5.10)
 */
function* change_memory_common(
  k: Arm64Kernel,
  addr: VirtualAddress,
  numpages: number,
  set: Entry,
  clear: Entry,
): Task<number> {
  const size = k.page_size * numpages;
  const start = Math.floor(addr / k.page_size) * k.page_size;
  if (start !== addr) k.warn_once('change_memory_common', 'change_memory_common(): not page-aligned');
  const area = find_vm_area(k, addr);
  if (area === undefined || start + size > area.addr + area.size) return -EINVAL;
  if ((area.flags & VM_ALLOC) === 0) return -EINVAL;
  if (k.has['no-huge-vmap-permissions'] && (area.flags & VM_ALLOW_HUGE_VMAP) !== 0) return -EINVAL;
  if (numpages === 0) return 0;

  if (k.rodata_full && (pgprot_is(set, PTE_RDONLY) || pgprot_is(clear, PTE_RDONLY))) {
    const first = (start - area.addr) / k.page_size;
    const pages = k.has['linear-alias-asked-only'] ? area.pages.slice(first, first + numpages) : area.pages;
    for (const page of pages) {
      const ret = yield* __change_memory_common(k, k.page_address(page), k.page_size, set, clear);
      if (ret !== 0 && k.has['linear-alias-errors-propagate']) return ret;
    }
  }

  yield* vm_unmap_aliases(k);
  return yield* __change_memory_common(k, start, size, set, clear);
}

// ---- permissions of vmalloc areas

/** Bit GP of a kernel built for BTI, which none is that GCC has built. pgtable-prot.h:106 */
const PTE_MAYBE_GP: Entry = { low: 0, high: 0 };

/** :214 */
export function* set_memory_ro(k: Arm64Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* change_memory_common(k, addr, numpages, pgprot(PTE_RDONLY), pgprot(PTE_WRITE));
}

/** :221 */
export function* set_memory_rw(k: Arm64Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* change_memory_common(k, addr, numpages, pgprot(PTE_WRITE), pgprot(PTE_RDONLY));
}

/** :228 */
export function* set_memory_nx(k: Arm64Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* change_memory_common(k, addr, numpages, pgprot(PTE_PXN), PTE_MAYBE_GP);
}

/** :235 */
export function* set_memory_x(k: Arm64Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* change_memory_common(k, addr, numpages, PTE_MAYBE_GP, pgprot(PTE_PXN));
}

// ---- validity

/** What makes an entry valid, or invalid: bits of its low half. :242, :139 (v5.10) */
export function validMasks(k: Arm64Kernel, enable: boolean): { set: number; clear: number } {
  const valid = k.has['invalid-large-leaves-handled'] ? PTE_PRESENT_VALID_KERNEL(k) : PTE_VALID;
  const invalid = k.has['invalid-large-leaves-handled'] ? PTE_PRESENT_INVALID : 0;
  return enable ? { set: valid, clear: invalid } : { set: invalid, clear: valid };
}

/** Effect: the range is valid, or not, whether this kernel's direct map is meant to be edited or not. :242 */
export function* set_memory_valid(
  k: Arm64Kernel,
  addr: VirtualAddress,
  numpages: number,
  enable: number,
): Task<number> {
  const { set, clear } = validMasks(k, enable !== 0);
  return yield* __change_memory_common(k, addr, k.page_size * numpages, pgprot(set), pgprot(clear));
}

/** Effect: the page is invalid in the direct map; nothing is flushed. Returns 0 with nothing done if the gate is shut. :254 */
export function* set_direct_map_invalid_noflush(k: Arm64Kernel, page: number): Task<number> {
  if (!direct_map_gate(k, 'set_direct_map_invalid_noflush')) return 0;
  const { set, clear } = validMasks(k, false);
  return yield* change_range(k, k.page_address(page), k.page_size, pgprot(set), pgprot(clear));
}

/** Effect: the page is valid and writable in the direct map; nothing is flushed. Likewise. :266 */
export function* set_direct_map_default_noflush(k: Arm64Kernel, page: number): Task<number> {
  if (!direct_map_gate(k, 'set_direct_map_default_noflush')) return 0;
  const { set, clear } = validMasks(k, true);
  const writable = pgprot(set | PTE_WRITE);
  return yield* change_range(k, k.page_address(page), k.page_size, writable, pgprot(clear | PTE_RDONLY));
}

/** Effect: pages are valid or not in the direct map. They are flushed when made invalid, in spite of the name. :358 */
export function* set_direct_map_valid_noflush(
  k: Arm64Kernel,
  page: number,
  nr: number,
  valid: boolean,
): Task<number> {
  if (!direct_map_gate(k, 'set_direct_map_valid_noflush')) return 0;
  return yield* set_memory_valid(k, k.page_address(page), nr, valid ? 1 : 0);
}

/** Effect: the same; what came out of it is dropped. Context: any, as nothing is split under debug_pagealloc. :375 */
export function* __kernel_map_pages(
  k: Arm64Kernel,
  page: number,
  numpages: number,
  enable: number,
): Task<void> {
  if (!kernel_map_pages_gate(k, '__kernel_map_pages')) return;
  yield* set_memory_valid(k, k.page_address(page), numpages, enable);
}

/** Whether the direct map has a valid entry for the page. :392, :198 (v5.10) */
export function* kernel_page_present(k: Arm64Kernel, page: number): Task<boolean> {
  if (!k.has['page-present-ungated'] && !k.debug_pagealloc_enabled() && !k.rodata_full) return true;
  const addr = k.page_address(page);
  let table = k.root;
  for (let level = k.format.levels; level > 1; level--) {
    const entry = entry_in(k, table, level, addr);
    yield* before_read(k, entry);
    if (entry_none(k, entry, level)) return false;
    if (isBlock(k, entry, level)) return pte_valid(k.memory.low(entry));
    table = table_below(k, entry, level, addr);
  }
  const pte = entry_in(k, table, 1, addr);
  yield* before_read(k, pte);
  return pte_valid(k.memory.low(pte));
}

/** pud_leaf() and pmd_leaf(), or before pud_sect() and pmd_sect(), which see no block that is not valid. */
function isBlock(k: Arm64Kernel, entry: number, level: number): boolean {
  if (!entry_leaf(k, entry, level)) return false;
  return k.has['invalid-large-leaves-handled'] || pte_valid(k.memory.low(entry));
}

// ---- a realm's shared pages

/**
 * Effect: the realm's monitor takes the pages for private, or shared, and so does their mapping. Failure: -EINVAL outside
 * of the direct map; else some or all of them are left invalid, and the caller must not use them again. :278
 */
function* __set_memory_enc_dec(
  k: Arm64Kernel,
  addr: VirtualAddress,
  numpages: number,
  encrypt: boolean,
): Task<number> {
  if (!k.__is_lm_address(addr)) return -EINVAL;
  const size = k.page_size * numpages;
  const shared = k.PROT_NS_SHARED;
  const { set, clear } = validMasks(k, false);
  const broken = yield* __change_memory_common(
    k,
    addr,
    size,
    encrypt ? pgprot(set) : pgprot_or(pgprot(set), shared),
    encrypt ? pgprot_or(pgprot(clear), shared) : pgprot(clear),
  );
  if (broken !== 0) return broken;
  const refused = rsi_set_memory_range(k, k.__pa(addr), k.__pa(addr) + size);
  if (refused !== 0) return refused;
  return yield* set_memory_valid(k, addr, numpages, 1);
}

/** Effect: the pages are private again, in a realm; nothing, elsewhere. :324 and mem_encrypt.c:35 */
export function* set_memory_encrypted(k: Arm64Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* realm_set_memory(k, addr, numpages, true);
}

/** Effect: the pages are shared with the host, in a realm; nothing, elsewhere. :338 and mem_encrypt.c:44 */
export function* set_memory_decrypted(k: Arm64Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* realm_set_memory(k, addr, numpages, false);
}

function* realm_set_memory(
  k: Arm64Kernel,
  addr: VirtualAddress,
  numpages: number,
  encrypt: boolean,
): Task<number> {
  if (!k.is_realm_world()) {
    k.guard(
      encrypt ? 'set_memory_encrypted' : 'set_memory_decrypted',
      'the machine is no realm: nothing is done',
    );
    return 0;
  }
  const ret = yield* __set_memory_enc_dec(k, addr, numpages, encrypt);
  if (ret !== 0)
    k.warn(`Failed to ${encrypt ? 'encrypt' : 'decrypt'} memory, ${numpages} pages will be leaked`);
  return ret;
}
