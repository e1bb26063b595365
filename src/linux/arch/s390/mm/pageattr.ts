/**
 * Change page attributes: what edits the direct map of s390 once it is built.
 *
 * Mirrors arch/s390/mm/pageattr.c, names and order. Line numbers are those of v7.2.13 unless another version is named. A
 * `struct page *` is a page frame number, a `pte_t *` the physical address of an entry, an address a page-aligned number.
 *
 * Every entry is replaced by an instruction that drops its translations from all CPUs, so that nothing here is "noflush".
 */

import { NotModelledError } from '../../../../errors.ts';
import { hexAddress, type VirtualAddress } from '../../../../mmu/format.ts';
import { _PAGE_INVALID, _PAGE_NOEXEC, _PAGE_PROTECT } from '../../../../mmu/s390x.ts';
import { EINVAL, ENOMEM } from '../../../errno.ts';
import { down_write, up_write } from '../../../kernel/locking/locks.ts';
import { before_read, set_entry, store_entry } from '../../../mm/entry.ts';
import { addr_end, entry_in, entry_leaf, entry_none, table_of } from '../../../mm/pgtable.ts';
import { find_vm_area, VM_ALLOC } from '../../../mm/vmalloc.ts';
import type { Task } from '../../../task.ts';
import {
  _PAGE_PRESENT,
  _PAGE_UNUSED,
  leaf_entry,
  mkdirty_mkwrite,
  PMD,
  PTE,
  PUD,
  table_entry,
  virt_to_kpte,
  wrprotect,
} from '../include/asm/pgtable.ts';
import {
  SET_MEMORY_4K,
  SET_MEMORY_DEF,
  SET_MEMORY_INV,
  SET_MEMORY_NX,
  SET_MEMORY_RO,
  SET_MEMORY_RW,
  SET_MEMORY_X,
} from '../include/asm/set_memory.ts';
import { crdte, cspg, ipte } from '../include/asm/tlbflush.ts';
import type { S390Kernel } from '../s390_kernel.ts';
import { vmem_crst_alloc, vmem_pte_alloc } from './pgalloc.ts';

/** Effect: `count` more leaves of a level. asm/pgtable.h:42 */
export function update_page_count(k: S390Kernel, level: number, count: number): void {
  k.direct_pages_count.add(level, count);
}

/** The DirectMap lines of /proc/meminfo. :43 */
export function arch_report_meminfo(k: S390Kernel): string[] {
  const line = (name: string, level: number, shift: number) => {
    const kilobytes = k.direct_pages_count.get(level) * 2 ** shift;
    return `DirectMap${name}:    ${String(kilobytes).padStart(8)} kB`;
  };
  return [line('4k', PTE, 2), line('1M', PMD, 10), line('2G', PUD, 21)];
}

/** Effect: the entry has a new value, in place of whatever is there now, and no CPU uses the old one. :54 */
function* pgt_set(
  k: S390Kernel,
  old: number,
  low: number,
  high: number,
  addr: VirtualAddress,
  level: number,
): Task<void> {
  if (k.machine.features.edat2) yield* crdte(k, old, level, addr, low, high);
  else yield* cspg(k, old, low, high);
}

/** Effect: as modify_pmd_page(), but for the pages [addr, end) of one page table. Failure: -EINVAL at a none one. :79 */
function* walk_pte_level(
  k: S390Kernel,
  pmdp: number,
  start: VirtualAddress,
  end: VirtualAddress,
  flags: number,
): Task<number> {
  if (flags === SET_MEMORY_4K) return 0;
  const table = table_of(k, pmdp, PMD);
  for (let addr = start; addr < end; addr += k.page_size) {
    const ptep = entry_in(k, table, PTE, addr);
    yield* before_read(k, ptep);
    if (entry_none(k, ptep, PTE)) return -EINVAL;
    yield* modify_leaf(k, ptep, PTE, addr, flags);
  }
  return 0;
}

/** What :97, :152 and :241 do at their levels. DEF drops all that the entry had but its frame. */
function* modify_leaf(
  k: S390Kernel,
  entry: number,
  level: number,
  addr: VirtualAddress,
  flags: number,
): Task<void> {
  const bits = k.leaf_bits[level - 1]!;
  let low = k.memory.low(entry);
  let high = k.memory.high(entry);
  if ((flags & SET_MEMORY_RO) !== 0) low = wrprotect(bits, low);
  else if ((flags & SET_MEMORY_RW) !== 0) low = mkdirty_mkwrite(bits, low);
  if ((flags & SET_MEMORY_NX) !== 0) low |= _PAGE_NOEXEC;
  else if ((flags & SET_MEMORY_X) !== 0) low &= ~_PAGE_NOEXEC;
  if ((flags & SET_MEMORY_INV) !== 0) low |= bits.INVALID;
  else if ((flags & SET_MEMORY_DEF) !== 0)
    ({ low, high } = leaf_entry(k, level, k.format.leafFrame(level, low, high), bits.KERNEL));
  yield* pgt_set(k, entry, low, high, addr, level);
}

/**
 * Effect: a page table in place of the 1M leaf. Of the leaf's protection "read-only" and "no execution" are kept; what was
 * invalid is valid after it. Failure: -ENOMEM. :113
 */
function* split_pmd_page(k: S390Kernel, pmdp: number, addr: VirtualAddress): Task<number> {
  const start = start_of(k, PMD, addr);
  const pt_dir = yield* vmem_pte_alloc(k, { level: PTE, address: start });
  if (pt_dir === undefined) return -ENOMEM;
  yield* split(k, pmdp, PMD, pt_dir, addr);
  return 0;
}

/** Effect: a segment table of 1M leaves in place of the 2G leaf, by the same rule. Failure: -ENOMEM. :202 */
export function* split_pud_page(k: S390Kernel, pudp: number, addr: VirtualAddress): Task<number> {
  const start = start_of(k, PUD, addr);
  const pm_dir = yield* vmem_crst_alloc(k, { level: PMD, address: start });
  if (pm_dir === undefined) return -ENOMEM;
  yield* split(k, pudp, PUD, pm_dir, addr);
  return 0;
}

function start_of(k: S390Kernel, level: number, addr: VirtualAddress): VirtualAddress {
  const size = 2 ** k.format.levelShift(level);
  return Math.floor(addr / size) * size;
}

/** What both have in common: the leaf at `level` becomes the table, of leaves one level down. */
function* split(
  k: S390Kernel,
  entry: number,
  level: number,
  table: number,
  addr: VirtualAddress,
): Task<void> {
  yield* before_read(k, entry);
  const below = level - 1;
  const bits = k.leaf_bits[below - 1]!;
  const leafLow = k.memory.low(entry);
  const first = k.format.leafFrame(level, leafLow, k.memory.high(entry));
  let prot = (leafLow & _PAGE_PROTECT) !== 0 ? bits.KERNEL_RO : bits.KERNEL;
  if ((leafLow & _PAGE_NOEXEC) === 0) prot &= ~_PAGE_NOEXEC;
  const entries = 2 ** k.format.indexBits(below);
  const pages = 2 ** (k.format.levelShift(below) - k.format.pageShift);
  for (let i = 0; i < entries; i++) {
    const leaf = leaf_entry(k, below, first + i * pages, prot);
    store_entry(k, table + i * 8, leaf.low, leaf.high);
  }
  const { low, high } = table_entry(k, level, table);
  yield* pgt_set(k, entry, low, high, addr, level);
  update_page_count(k, below, entries);
  update_page_count(k, level, -1);
  if (k.listening) {
    k.emit({ kind: 'split', cpu: k.cpu, level, address: start_of(k, level, addr), table });
  }
}

/** Whether a leaf at `level` must be split before [addr, next) can be changed. :182 */
function need_split(
  k: S390Kernel,
  level: number,
  addr: VirtualAddress,
  next: VirtualAddress,
  flags: number,
): boolean {
  const size = 2 ** k.format.levelShift(level);
  return (flags & SET_MEMORY_4K) !== 0 || addr % size !== 0 || addr + size > next;
}

/** Effect: the leaves of [start, end) below one region-third entry are changed, split where they must be. :165 */
function* walk_pmd_level(
  k: S390Kernel,
  pudp: number,
  start: VirtualAddress,
  end: VirtualAddress,
  flags: number,
): Task<number> {
  const table = table_of(k, pudp, PUD);
  for (let addr = start; addr < end; ) {
    const pmdp = entry_in(k, table, PMD, addr);
    yield* before_read(k, pmdp);
    if (entry_none(k, pmdp, PMD)) return -EINVAL;
    const next = addr_end(k, PMD, addr, end);
    if (entry_leaf(k, pmdp, PMD)) {
      if (need_split(k, PMD, addr, next, flags)) {
        const rc = yield* split_pmd_page(k, pmdp, addr);
        if (rc !== 0) return rc;
        continue;
      }
      yield* modify_leaf(k, pmdp, PMD, addr, flags); // modify_pmd_page()
    } else {
      const rc = yield* walk_pte_level(k, pmdp, addr, next, flags);
      if (rc !== 0) return rc;
    }
    addr = next;
  }
  return 0;
}

/** The same for the leaves of [start, end) in one region-third table. :254 */
function* walk_pud_level(
  k: S390Kernel,
  table: number,
  start: VirtualAddress,
  end: VirtualAddress,
  flags: number,
): Task<number> {
  for (let addr = start; addr < end; ) {
    const pudp = entry_in(k, table, PUD, addr);
    yield* before_read(k, pudp);
    if (entry_none(k, pudp, PUD)) return -EINVAL;
    const next = addr_end(k, PUD, addr, end);
    if (entry_leaf(k, pudp, PUD)) {
      if (need_split(k, PUD, addr, next, flags)) {
        const rc = yield* split_pud_page(k, pudp, addr);
        if (rc !== 0) return rc;
        continue;
      }
      yield* modify_leaf(k, pudp, PUD, addr, flags); // modify_pud_page()
    } else {
      const rc = yield* walk_pmd_level(k, pudp, addr, next, flags);
      if (rc !== 0) return rc;
    }
    addr = next;
  }
  return 0;
}

/** The same where the top table is a region-second one; else that is the region-third one itself. :289 */
function* walk_p4d_level(
  k: S390Kernel,
  start: VirtualAddress,
  end: VirtualAddress,
  flags: number,
): Task<number> {
  const P4D = k.format.levels;
  if (P4D === PUD) return yield* walk_pud_level(k, k.root, start, end, flags);
  for (let addr = start; addr < end; ) {
    const p4dp = entry_in(k, k.root, P4D, addr);
    yield* before_read(k, p4dp);
    if (entry_none(k, p4dp, P4D)) return -EINVAL;
    const next = addr_end(k, P4D, addr, end);
    const rc = yield* walk_pud_level(k, table_of(k, p4dp, P4D), addr, next, flags);
    if (rc !== 0) return rc;
    addr = next;
  }
  return 0;
}

/**
 * Effect: the entries of [addr, end) are changed as `flags` say, large leaves split where the range or the flags want it.
 * Failure: -EINVAL at a hole, -ENOMEM without memory for a table; what lies before is changed. Caller's duty: cpa_mutex. :311
 */
function* change_page_attr(
  k: S390Kernel,
  addr: VirtualAddress,
  end: VirtualAddress,
  flags: number,
): Task<number> {
  const reach = 2 ** (k.format.levelShift(k.format.levels) + k.format.indexBits(k.format.levels));
  if (Math.floor(addr / reach) !== Math.floor((end - 1) / reach)) {
    const because = `the tables end within ${hexAddress(addr)} to ${hexAddress(end)}, and the walk leaves them`;
    throw new NotModelledError('change_page_attr() beyond the end of the tables', because);
  }
  return yield* walk_p4d_level(k, addr, end, flags);
}

/**
 * Effect: RO or RW for the pages in the direct map of memory from vmalloc(), one page at a time. Failure: as above; the
 * pages before are changed, and the given addresses all of them. :331
 */
function* change_page_attr_alias(
  k: S390Kernel,
  start: VirtualAddress,
  end: VirtualAddress,
  allFlags: number,
): Task<number> {
  const flags = allFlags & (SET_MEMORY_RO | SET_MEMORY_RW);
  if (flags === 0) return 0;
  let area: ReturnType<typeof find_vm_area>;
  for (let addr = start; addr < end; ) {
    area ??= find_vm_area(k, addr);
    if (area === undefined || (area.flags & VM_ALLOC) === 0) return 0;
    const page = area.pages[(addr - area.addr) / k.page_size]!; // a guard page has no entry, and was refused before
    const alias = k.page_address(page);
    const rc = yield* change_page_attr(k, alias, alias + k.page_size, flags);
    if (rc !== 0) return rc;
    addr += k.page_size;
    if (addr >= area.addr + area.pages.length * k.page_size) area = undefined;
  }
  return 0;
}

/**
 * Effect: `numpages` pages from `addr` are as `flags` say, and since v6.12 so are their aliases in the direct map. Failure:
 * -EINVAL at a hole, -ENOMEM; a part is changed then. Context: takes a mutex, so it may sleep. :367, and :309 (v5.10)
 */
export function* __set_memory(
  k: S390Kernel,
  addr: VirtualAddress,
  numpages: number,
  wanted: number,
): Task<number> {
  const flags = k.machine.features.nx ? wanted : wanted & ~(SET_MEMORY_NX | SET_MEMORY_X);
  if (flags === 0) {
    k.guard(
      'arch/s390/mm/pageattr.c:372',
      'the machine cannot forbid execution, and nothing else is asked for',
    );
    return 0;
  }
  if (numpages === 0) return 0;
  const end = addr + numpages * k.page_size;
  if (!k.has['no-modules-end-check'] && end >= k.MODULES_END) return -EINVAL;
  const known = flags & known_flags(k);
  yield* down_write(k, k.cpa_mutex);
  let rc = yield* change_page_attr(k, addr, end, known);
  if (rc === 0 && k.has['cpa-alias']) rc = yield* change_page_attr_alias(k, addr, end, known);
  up_write(k, k.cpa_mutex);
  return rc;
}

/** What this kernel knows of flags. Entries are rewritten for others too, as they were. asm/set_memory.h:10 */
function known_flags(k: S390Kernel): number {
  let known = SET_MEMORY_RO | SET_MEMORY_RW | SET_MEMORY_NX | SET_MEMORY_X;
  if (k.has['set-memory-4k']) known |= SET_MEMORY_4K;
  if (k.has['set-direct-map']) known |= SET_MEMORY_INV | SET_MEMORY_DEF;
  return known;
}

/** Effect: not writable. asm/set_memory.h:55, and the next five */
export function set_memory_ro(k: S390Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return __set_memory(k, addr, numpages, SET_MEMORY_RO);
}

export function set_memory_rw(k: S390Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return __set_memory(k, addr, numpages, SET_MEMORY_RW);
}

export function set_memory_nx(k: S390Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return __set_memory(k, addr, numpages, SET_MEMORY_NX);
}

export function set_memory_x(k: S390Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return __set_memory(k, addr, numpages, SET_MEMORY_X);
}

export function set_memory_rox(k: S390Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return __set_memory(k, addr, numpages, SET_MEMORY_RO | SET_MEMORY_X);
}

export function set_memory_rwnx(k: S390Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return __set_memory(k, addr, numpages, SET_MEMORY_RW | SET_MEMORY_NX);
}

export function set_memory_4k(k: S390Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return __set_memory(k, addr, numpages, SET_MEMORY_4K);
}

/** Effect: the page is not in the direct map, and in no TLB. Failure: -ENOMEM from a split. Context: may sleep. :390 */
export function set_direct_map_invalid_noflush(k: S390Kernel, page: number): Task<number> {
  return __set_memory(k, k.page_address(page), 1, SET_MEMORY_INV);
}

/** Effect: the page is in the direct map, writable and not executable, whatever it was. Failure: as above. :395 */
export function set_direct_map_default_noflush(k: S390Kernel, page: number): Task<number> {
  return __set_memory(k, k.page_address(page), 1, SET_MEMORY_DEF);
}

/** Effect: the same for `nr` pages. Failure: as above, with a part changed. :400 */
export function set_direct_map_valid_noflush(
  k: S390Kernel,
  page: number,
  nr: number,
  valid: boolean,
): Task<number> {
  return __set_memory(k, k.page_address(page), nr, valid ? SET_MEMORY_DEF : SET_MEMORY_INV);
}

/** Whether the hardware can translate the page's direct-map address: LRA. :412 */
export function* kernel_page_present(k: S390Kernel, page: number): Task<boolean> {
  yield* before_read(k, k.root);
  return k.translate(k.page_address(page)) !== undefined;
}

/**
 * Effect: `numpages` pages are in the direct map, or not, and in no TLB. Takes no lock, cannot fail, and does not look for
 * leaves: those of 1M have words of their memory changed instead, the n-th word for the n-th page. Context: any. :444
 */
export function* __kernel_map_pages(
  k: S390Kernel,
  page: number,
  numpages: number,
  enable: number,
): Task<void> {
  const ptrs = 2 ** k.format.indexBits(PTE);
  for (let i = 0; i < numpages; ) {
    const address = k.page_address(page + i);
    yield* before_read(k, k.root);
    const ptep = virt_to_kpte(k, address);
    const nr = Math.min(numpages - i, ptrs - ((ptep / 8) % ptrs));
    if (enable !== 0) {
      for (let j = 0; j < nr; j++) yield* clear_invalid(k, ptep + j * 8);
    } else {
      yield* ipte(k, ptep, address, nr); // ipte_range()
    }
    i += nr;
  }
}

/** Effect: one word without the bit "invalid": a page that nobody maps is in no TLB. :457 */
function* clear_invalid(k: S390Kernel, ptep: number): Task<void> {
  yield* before_read(k, ptep);
  let low = k.memory.low(ptep) & ~_PAGE_INVALID;
  if (k.has['set-pte-clears-unused'] && (low & _PAGE_PRESENT) !== 0) low &= ~_PAGE_UNUSED;
  yield* set_entry(k, ptep, low, k.memory.high(ptep));
}
