/**
 * Change page attributes: everything that edits the direct map of x86-64 once it is built.
 *
 * Mirrors arch/x86/mm/pat/set_memory.c, names and order. Line numbers are those of v7.2.13 unless another version is
 * named. A `struct page *` is a page frame number, a `pte_t *` the physical address of an entry, an address a
 * page-aligned signed number (mmu/format.ts).
 */

import type { EntryFlags, VirtualAddress } from '../../../../../mmu/format.ts';
import { EntryKind, hexAddress } from '../../../../../mmu/format.ts';
import {
  _PAGE_CACHE_MASK,
  _PAGE_DIRTY,
  _PAGE_ENC,
  _PAGE_GLOBAL,
  _PAGE_NX,
  _PAGE_PAT,
  _PAGE_PCD,
  _PAGE_PRESENT,
  _PAGE_PSE,
  _PAGE_PWT,
  _PAGE_RW,
  _PAGE_SOFTW3,
  PG_LEVEL_1G,
  PG_LEVEL_2M,
  PG_LEVEL_4K,
  PG_LEVEL_256T,
  PG_LEVEL_512G,
  PG_LEVEL_NONE,
  type X86MemoryType,
} from '../../../../../mmu/x86_64.ts';
import { EBUSY, EFAULT, EINVAL, EIO, ENOMEM } from '../../../../errno.ts';
import {
  down_read,
  down_write,
  spin_lock,
  spin_unlock,
  up_read,
  up_write,
} from '../../../../kernel/locking/locks.ts';
import {
  DIRECT_MAP_LEVEL2_COLLAPSE,
  DIRECT_MAP_LEVEL2_SPLIT,
  DIRECT_MAP_LEVEL3_COLLAPSE,
  DIRECT_MAP_LEVEL3_SPLIT,
} from '../../../../kernel.ts';
import { set_entry, store_entry } from '../../../../mm/entry.ts';
import { __free_pages, alloc_pages, GFP_KERNEL } from '../../../../mm/page_alloc.ts';
import { pagetable_free, pte_alloc_one_kernel, pte_free_kernel } from '../../../../mm/pagetable.ts';
import { vm_unmap_aliases } from '../../../../mm/vmalloc.ts';
import { halt, type Task } from '../../../../task.ts';
import { __START_KERNEL_map, PAGE_SIZE } from '../../include/asm/page_types.ts';
import {
  _KERNPG_TABLE,
  entry_none,
  large_pfn,
  large_pgprot,
  massage_pgprot,
  p4d_offset,
  pfn_pte_high,
  pfn_pte_low,
  pgd_none,
  pgd_offset_k,
  pgd_offset_pgd,
  pgprot_4k_2_large,
  pgprot_large_2_4k,
  pmd_leaf,
  pmd_offset,
  pmd_present,
  pointer_none,
  pte_offset_kernel,
  pte_pfn,
  pte_pgprot,
  pte_present,
  pud_leaf,
  pud_offset,
  pud_present,
  set_pfn,
} from '../../include/asm/pgtable.ts';
import type { X86Kernel } from '../../x86_kernel.ts';
import {
  __flush_tlb_all,
  flush_tlb_all,
  flush_tlb_pages_on_each_cpu,
  tlb_single_page_flush_ceiling,
} from '../tlb.ts';
import { memtype_free, memtype_reserve } from './memtype.ts';

/** The current attribute-change request. */
export interface cpa_data {
  /** One address, or with CPA_ARRAY one for each page. */
  vaddr: readonly VirtualAddress[];
  /** The top table to work on, or 0 for init_mm's, where holes are not populated. */
  pgd: number;
  mask_set: EntryFlags;
  mask_clr: EntryFlags;
  numpages: number;
  curpage: number;
  pfn: number;
  flags: number;
  force_split: boolean;
  force_static_prot: boolean;
  force_flush_all: boolean;
  init_mm_read_locked: boolean;
  /** With CPA_PAGES_ARRAY the frames. */
  pages: readonly number[];
  /** What the last lookup found on its way. */
  path: Lookup;
}

function create_cpa(parts: Partial<cpa_data>): cpa_data {
  return {
    vaddr: parts.vaddr ?? [],
    pgd: parts.pgd ?? 0,
    mask_set: parts.mask_set ?? 0,
    mask_clr: parts.mask_clr ?? 0,
    numpages: parts.numpages ?? 0,
    curpage: 0,
    pfn: parts.pfn ?? 0,
    flags: parts.flags ?? 0,
    force_split: parts.force_split ?? false,
    force_static_prot: false,
    force_flush_all: false,
    init_mm_read_locked: false,
    pages: parts.pages ?? [],
    path: { level: 0, nx: false, rw: false },
  };
}

type CpaWarnLevel = 'conflict' | 'protect' | 'detect';

const CPA_FLUSHTLB = 0x01;
const CPA_ARRAY = 0x02;
const CPA_PAGES_ARRAY = 0x04;
/** Do not look for aliases. */
const CPA_NO_CHECK_ALIAS = 0x08;
const CPA_COLLAPSE = 0x10;
const CPA_DEBUG_PAGEALLOC = 0x20;

/** The entries were asked to be 4K (v7.2). */
export const _PAGE_KERNEL_4K = _PAGE_SOFTW3;

/** Cache-mode bits by memory type, as Linux programs the PAT. */
const CACHE_MODE_BITS: Readonly<Record<X86MemoryType, EntryFlags>> = {
  WB: 0,
  WC: _PAGE_PWT,
  'UC-': _PAGE_PCD,
  UC: _PAGE_PCD | _PAGE_PWT,
  WP: _PAGE_PAT | _PAGE_PWT,
  WT: _PAGE_PAT | _PAGE_PCD | _PAGE_PWT,
};

// ---- counters

/** Effect: `pages` more leaves of a level. :80 (v5.10). */
export function* update_page_count(k: X86Kernel, level: number, pages: number): Task<void> {
  yield* spin_lock(k, k.pgd_lock);
  k.direct_pages_count.add(level, pages);
  spin_unlock(k, k.pgd_lock);
}

/** Does nothing at all when the counter has drifted to 0, vmstat included. :95 */
function split_page_count(k: X86Kernel, level: number): void {
  if (k.direct_pages_count.get(level) === 0) return;
  k.direct_pages_count.add(level, -1);
  if (k.has['vmstat-splits'] && k.system_state === 'RUNNING') {
    if (level === PG_LEVEL_2M) k.vm_events.add(DIRECT_MAP_LEVEL2_SPLIT, 1);
    else if (level === PG_LEVEL_1G) k.vm_events.add(DIRECT_MAP_LEVEL3_SPLIT, 1);
  }
  k.direct_pages_count.add(level - 1, k.ptrs_per_table);
}

/** :111 */
function collapse_page_count(k: X86Kernel, level: number): void {
  k.direct_pages_count.add(level, 1);
  if (k.has['vmstat-collapses'] && k.system_state === 'RUNNING') {
    if (level === PG_LEVEL_2M) k.vm_events.add(DIRECT_MAP_LEVEL2_COLLAPSE, 1);
    else if (level === PG_LEVEL_1G) k.vm_events.add(DIRECT_MAP_LEVEL3_COLLAPSE, 1);
  }
  k.direct_pages_count.add(level - 1, -k.ptrs_per_table);
}

/** The DirectMap lines of /proc/meminfo. :123 */
export function arch_report_meminfo(k: X86Kernel): string[] {
  const line = (name: string, level: number, shift: number) => {
    const kilobytes = k.direct_pages_count.get(level) * 2 ** shift;
    return `DirectMap${name}:    ${String(kilobytes).padStart(8)} kB`;
  };
  const lines = [line('4k', PG_LEVEL_4K, 2), line('2M', PG_LEVEL_2M, 11)];
  if (k.direct_gbpages) lines.push(line('1G', PG_LEVEL_1G, 20));
  return lines;
}

// ---- address helpers

function within(addr: number, start: number, end: number): boolean {
  return addr >= start && addr < end;
}

function in_direct_map(k: X86Kernel, vaddr: VirtualAddress): boolean {
  return within(vaddr, k.page_offset, k.page_offset + k.max_pfn_mapped * PAGE_SIZE);
}

/** The image mapping's address of a physical one. */
function highmap_address(k: X86Kernel, physical: number): VirtualAddress {
  return physical + __START_KERNEL_map - k.phys_base;
}

/** :266. Both ends inclusive. */
function __cpa_pfn_in_highmap(k: X86Kernel, pfn: number): boolean {
  const start = Math.floor(k.image.text / PAGE_SIZE);
  const end = Math.floor((roundup(k.image.brk_end, k.pmd_size) - 1) / PAGE_SIZE);
  return pfn >= start && pfn <= end;
}

function roundup(value: number, size: number): number {
  return Math.ceil(value / size) * size;
}

function align_down(value: number, size: number): number {
  return Math.floor(value / size) * size;
}

/** :308 */
function __cpa_addr(k: X86Kernel, cpa: cpa_data, idx: number): VirtualAddress {
  if ((cpa.flags & CPA_PAGES_ARRAY) !== 0) return k.page_address(cpa.pages[idx]!);
  if ((cpa.flags & CPA_ARRAY) !== 0) return cpa.vaddr[idx]!;
  return cpa.vaddr[0]! + idx * PAGE_SIZE;
}

/** Bit 63 set again on a decoy address, which INVLPG and CLFLUSH would not take. :299 */
function fix_addr(addr: VirtualAddress): VirtualAddress {
  return addr >= 0 ? addr - 2 ** 63 : addr;
}

// ---- flushing

/** Caller's duty: interrupts on. :397 */
function* cpa_flush_all(k: X86Kernel, cache: boolean): Task<void> {
  yield* bug_on_irqs_disabled(k, 'cpa_flush_all');
  yield* flush_tlb_all(k);
  if (cache && k.listening) k.emit({ kind: 'wbinvd', cpu: k.cpu });
}

function* bug_on_irqs_disabled(k: X86Kernel, where: string): Task<void> {
  if (k.irqs_disabled[k.cpu] === 0 || k.system_state === 'BOOTING') return;
  k.die({ how: 'BUG', text: `kernel BUG in ${where}: interrupts are disabled` });
  yield* halt();
}

/** Effect: tables of equal leaves around the request's addresses become large leaves again. :415, :461 */
function* cpa_collapse_large_pages(k: X86Kernel, cpa: cpa_data): Task<void> {
  if (k.has['cpa-mmap-lock']) yield* down_write(k, k.init_mm.mmap_lock);
  yield* __cpa_collapse_large_pages(k, cpa);
  if (k.has['cpa-mmap-lock']) up_write(k, k.init_mm.mmap_lock);
}

function* __cpa_collapse_large_pages(k: X86Kernel, cpa: cpa_data): Task<void> {
  const pgtables: number[] = [];
  let collapsed = 0;
  yield* spin_lock(k, k.cpa_lock);
  if ((cpa.flags & (CPA_PAGES_ARRAY | CPA_ARRAY)) !== 0) {
    for (let i = 0; i < cpa.numpages; i++) {
      collapsed += yield* collapse_large_pages(k, __cpa_addr(k, cpa, i), pgtables);
    }
  } else {
    const first = __cpa_addr(k, cpa, 0);
    const end = first + PAGE_SIZE * cpa.numpages;
    for (let addr = align_down(first, k.pmd_size); addr < end; addr += k.pmd_size) {
      collapsed += yield* collapse_large_pages(k, addr, pgtables);
    }
  }
  if (collapsed > 0) {
    yield* flush_tlb_all(k);
    for (const table of pgtables) yield* pagetable_free(k, table);
  }
  spin_unlock(k, k.cpa_lock);
}

/** Caller's duty: interrupts on. Flushes what the request covers, then collapses if it asked for it. :473 */
function* cpa_flush(k: X86Kernel, cpa: cpa_data, cache: boolean): Task<void> {
  yield* bug_on_irqs_disabled(k, 'cpa_flush');
  if (cpa.force_flush_all || cpa.numpages > tlb_single_page_flush_ceiling) yield* flush_tlb_all(k);
  else yield* __cpa_flush_tlb(k, cpa);
  if (cache) yield* clflush_present_pages(k, cpa);
  if (k.has['cpa-collapse'] && (cpa.flags & CPA_COLLAPSE) !== 0) yield* cpa_collapse_large_pages(k, cpa);
}

/** :404, on every CPU. */
function* __cpa_flush_tlb(k: X86Kernel, cpa: cpa_data): Task<void> {
  if ((cpa.flags & (CPA_PAGES_ARRAY | CPA_ARRAY)) === 0) {
    yield* flush_tlb_pages_on_each_cpu(k, fix_addr(__cpa_addr(k, cpa, 0)), cpa.numpages);
    return;
  }
  for (let i = 0; i < cpa.numpages; i++) {
    yield* flush_tlb_pages_on_each_cpu(k, fix_addr(__cpa_addr(k, cpa, i)), 1);
  }
}

function* clflush_present_pages(k: X86Kernel, cpa: cpa_data): Task<void> {
  if (!k.listening && !k.interleaved) return;
  for (let i = 0; i < cpa.numpages; i++) {
    const addr = __cpa_addr(k, cpa, i);
    const { kpte } = yield* lookup_address(k, addr);
    if (kpte !== 0 && (k.memory.low(kpte) & _PAGE_PRESENT) !== 0) {
      k.emit({ kind: 'clflush', cpu: k.cpu, address: fix_addr(addr), pages: 1 });
    }
  }
}

// ---- static protections

/** Both ends inclusive. */
function overlaps(r1_start: number, r1_end: number, r2_start: number, r2_end: number): boolean {
  return (r1_start <= r2_end && r1_end >= r2_start) || (r2_start <= r1_end && r2_end >= r1_start);
}

/** Read-only data may not become writable, by whatever address. By frame, so that it covers all aliases. :545 */
function protect_rodata(k: X86Kernel, spfn: number, epfn: number): EntryFlags {
  if (!k.kernel_set_to_readonly) return 0;
  const spfn_ro = Math.floor(k.image.start_rodata / PAGE_SIZE);
  const epfn_ro = Math.floor(k.image.end_rodata / PAGE_SIZE) - 1;
  return overlaps(spfn, epfn, spfn_ro, epfn_ro) ? _PAGE_RW : 0;
}

/** Text must stay executable where it runs, in the image mapping; its direct-map alias need not. :568 */
function protect_kernel_text(k: X86Kernel, start: VirtualAddress, end: VirtualAddress): EntryFlags {
  const t_start = highmap_address(k, k.image.text);
  const t_end = highmap_address(k, k.image.etext) - 1;
  return overlaps(start, end, t_start, t_end) ? _PAGE_NX : 0;
}

/** Text and rodata of the image mapping stay read-only as long as they are mapped by large leaves. :588 */
function protect_kernel_text_ro(k: X86Kernel, start: VirtualAddress, end: VirtualAddress): EntryFlags {
  const t_start = highmap_address(k, k.image.text);
  const t_end = highmap_address(k, k.image.end_rodata_hpage_align) - 1;
  if (!k.kernel_set_to_readonly || !overlaps(start, end, t_start, t_end)) return 0;
  const kpte = lookup_address_now(k, pgd_offset_k(k, start), start, lookup_scratch);
  return kpte !== 0 && lookup_scratch.level !== PG_LEVEL_4K ? _PAGE_RW : 0;
}

function check_conflict(
  k: X86Kernel,
  warnlvl: CpaWarnLevel,
  prot: EntryFlags,
  val: EntryFlags,
  start: VirtualAddress,
  end: VirtualAddress,
  pfn: number,
  txt: string,
): void {
  if (warnlvl === 'detect' || (prot & val) === 0 || !k.listening) return;
  const range = `${hexAddress(start)} - ${hexAddress(end)}`;
  k.printk(
    'warn',
    `CPA ${warnlvl.padStart(8)} ${txt.padStart(10)}: ${range} PFN ${pfn.toString(16)} req ${protText(prot)} prevent ${protText(val)}`,
  );
}

/** Sixteen hex digits, as the kernel prints a pgprot. */
function protText(prot: EntryFlags): string {
  const word = (BigInt((prot >>> 20) << 20) << 32n) | BigInt(prot & 0x1fff);
  return BigInt.asUintN(64, word).toString(16).padStart(16, '0');
}

/**
 * What `prot` may be for [start, start + npg pages) mapping frames from `pfn`. A mapping that is not present is not
 * looked at. `lpsize` is the leaf's size if a whole large leaf is asked about, otherwise 0. :650
 */
function static_protections(
  k: X86Kernel,
  prot: EntryFlags,
  start: VirtualAddress,
  pfn: number,
  npg: number,
  lpsize: number,
  warnlvl: CpaWarnLevel,
): EntryFlags {
  if ((prot & _PAGE_PRESENT) === 0) return prot;
  const end = start + npg * PAGE_SIZE - 1;

  let res = protect_kernel_text(k, start, end);
  check_conflict(k, warnlvl, prot, res, start, end, pfn, 'Text NX');
  let forbidden = res;

  if (lpsize !== npg * PAGE_SIZE || align_down(start, lpsize) !== start) {
    res = protect_kernel_text_ro(k, start, end);
    check_conflict(k, warnlvl, prot, res, start, end, pfn, 'Text RO');
    forbidden |= res;
  }

  res = protect_rodata(k, pfn, pfn + npg - 1);
  check_conflict(k, warnlvl, prot, res, start, end, pfn, 'Rodata RO');
  forbidden |= res;

  return prot & ~forbidden;
}

/** Warns, once, when a change makes something writable and executable; always returns `new_prot`. :698 */
function verify_rwx(
  k: X86Kernel,
  old_prot: EntryFlags,
  new_prot: EntryFlags,
  start: VirtualAddress,
  pfn: number,
  npg: number,
  path: Lookup,
): EntryFlags {
  if (!k.has['cpa-verify-rwx']) return new_prot;
  if (k.system_state === 'BOOTING' && !k.has['verify-rwx-in-boot']) return new_prot;
  if (((old_prot ^ new_prot) & (_PAGE_RW | _PAGE_NX)) === 0) return new_prot;
  if ((new_prot & (_PAGE_RW | _PAGE_NX)) !== _PAGE_RW) return new_prot;
  if (!path.rw || path.nx) return new_prot;
  const range = `${hexAddress(start)} - ${hexAddress(start + npg * PAGE_SIZE - 1)}`;
  k.warn_once(
    'verify_rwx',
    `CPA detected W^X violation: ${protText(old_prot)} -> ${protText(new_prot)} range: ${range} PFN ${pfn.toString(16)}`,
  );
  return new_prot;
}

// ---- lookup

/** What a walk found, filled in by the lookup functions. */
export interface Lookup {
  level: number;
  /** Effective over the tables above the entry. */
  nx: boolean;
  rw: boolean;
}

const lookup_scratch: Lookup = { level: 0, nx: false, rw: false };

/**
 * The entry that maps `address`, from its PGD entry: a leaf, or an entry of any level that is not present. NULL (0)
 * at the first entry that is none; `out.level` then is the level of that entry, or before v6.12 of the one above.
 * :746
 */
function lookup_address_now(k: X86Kernel, pgd: number, address: VirtualAddress, out: Lookup): number {
  const levelOfNone = k.has['lookup-level-of-none'];
  out.level = levelOfNone ? PG_LEVEL_256T : PG_LEVEL_NONE;
  out.nx = false;
  out.rw = true;
  if (pgd_none(k, pgd)) return 0;

  if (levelOfNone) out.level = PG_LEVEL_512G;
  note_path(k, pgd, out);
  const p4d = p4d_offset(k, pgd, address);
  if (pointer_none(k, p4d)) return 0;
  out.level = PG_LEVEL_512G;
  if (!pud_present(k.memory.low(p4d))) return p4d;

  if (levelOfNone) out.level = PG_LEVEL_1G;
  note_path(k, p4d, out);
  const pud = pud_offset(k, p4d, address);
  if (pointer_none(k, pud)) return 0;
  out.level = PG_LEVEL_1G;
  const pud_low = k.memory.low(pud);
  if (pud_leaf(k, pud_low) || !pud_present(pud_low)) return pud;

  if (levelOfNone) out.level = PG_LEVEL_2M;
  note_path(k, pud, out);
  const pmd = pmd_offset(k, pud, address);
  if (pointer_none(k, pmd)) return 0;
  out.level = PG_LEVEL_2M;
  const pmd_low = k.memory.low(pmd);
  if (pmd_leaf(pmd_low) || !pmd_present(pmd_low)) return pmd;

  note_path(k, pmd, out);
  out.level = PG_LEVEL_4K;
  return pte_offset_kernel(k, pmd, address);
}

/** A bool AND-ed with the value 2 is false: the kernels modelled never see an effective RW. See 'lookup-rw-normalised'. */
function note_path(k: X86Kernel, entry: number, out: Lookup): void {
  if (!k.has['lookup-rw-normalised']) {
    out.rw = false;
    return;
  }
  if ((k.memory.high(entry) & _PAGE_NX) !== 0) out.nx = true;
  if ((k.memory.low(entry) & _PAGE_RW) === 0) out.rw = false;
}

/**
 * lookup_address(): entry and level for a kernel address. Takes no lock: a collapse may free a table between any two
 * levels, and before the caller reads the entry. :819
 */
export function* lookup_address(
  k: X86Kernel,
  address: VirtualAddress,
): Task<{ kpte: number; level: number }> {
  const out: Lookup = { level: 0, nx: false, rw: false };
  const pgd = pgd_offset_k(k, address);
  const kpte = k.interleaved
    ? yield* lookup_address_in_steps(k, pgd, address, out, false)
    : lookup_address_now(k, pgd, address, out);
  return { kpte, level: out.level };
}

/**
 * lookup_address_now() where CPUs interleave: one step, unless a table can be freed under a walker that holds no lock.
 * Tables only ever come into being otherwise, and a walk is as good as one at the time of its last read.
 */
function* lookup_address_in_steps(
  k: X86Kernel,
  pgd: number,
  address: VirtualAddress,
  out: Lookup,
  locked: boolean,
): Task<number> {
  if (!locked && k.has['cpa-collapse']) return yield* lookup_address_by_level(k, pgd, address, out);
  yield { kind: 'preemption', at: 'read', what: pgd };
  return lookup_address_now(k, pgd, address, out);
}

function* lookup_address_by_level(
  k: X86Kernel,
  pgd: number,
  address: VirtualAddress,
  out: Lookup,
): Task<number> {
  out.nx = false;
  out.rw = true;
  let entry = pgd;
  for (out.level = k.format.levels; ; out.level--) {
    yield { kind: 'preemption', at: 'read', what: entry };
    if (out.level === PG_LEVEL_4K) return entry;
    const low = k.memory.low(entry);
    const high = k.memory.high(entry);
    const kind = k.format.kind(out.level, low, high);
    if (kind === EntryKind.None) break;
    if (kind !== EntryKind.Table) return entry;
    note_path(k, entry, out);
    const index = Math.floor(address / 2 ** k.format.levelShift(out.level - 1)) & k.index_mask;
    entry = k.format.tableAddress(out.level, low, high) + index * 8;
  }
  if (!k.has['lookup-level-of-none']) out.level = out.level >= PG_LEVEL_512G ? PG_LEVEL_NONE : out.level + 1;
  return 0;
}

/** :825 */
function* _lookup_address_cpa(
  k: X86Kernel,
  cpa: cpa_data,
  address: VirtualAddress,
  out: Lookup,
): Task<number> {
  const pgd = cpa.pgd === 0 ? pgd_offset_k(k, address) : pgd_offset_pgd(k, cpa.pgd, address);
  if (!k.interleaved) return lookup_address_now(k, pgd, address, out);
  return yield* lookup_address_in_steps(k, pgd, address, out, !cpa_lock_skipped(k, cpa));
}

/** In an entry that is not present, G would be read as PROTNONE. :939 */
function pgprot_clear_protnone_bits(prot: EntryFlags): EntryFlags {
  return (prot & _PAGE_PRESENT) === 0 ? prot & ~_PAGE_GLOBAL : prot;
}

function page_level_size(k: X86Kernel, level: number): number {
  return level === PG_LEVEL_1G ? k.pud_size : k.pmd_size;
}

// ---- large leaves

/**
 * Whether the large leaf at `kpte` must be split: 1 yes, 0 done without (changed whole, or nothing to change),
 * -EINVAL not a 2M or 1G leaf. Trims `cpa.numpages` to what the leaf covers. Caller's duty: pgd_lock. :956
 */
function* __should_split_large_page(
  k: X86Kernel,
  kpte: number,
  address: VirtualAddress,
  cpa: cpa_data,
): Task<number> {
  const { path } = cpa;
  const tmp = yield* _lookup_address_cpa(k, cpa, address, path);
  if (tmp !== kpte) return 1;
  const level = path.level;
  if (level !== PG_LEVEL_2M && level !== PG_LEVEL_1G) return -EINVAL;

  const low = k.memory.low(kpte);
  const high = k.memory.high(kpte);
  const old_prot = large_pgprot(k, level, low, high);
  const old_pfn = large_pfn(k, level, low, high);
  const psize = page_level_size(k, level);
  const lpaddr = align_down(address, psize);
  const numpages = psize / PAGE_SIZE;

  const remaining = (lpaddr + psize - address) / PAGE_SIZE;
  if (remaining < cpa.numpages) cpa.numpages = remaining;

  let req_prot = pgprot_large_2_4k(old_prot);
  req_prot = (req_prot & ~cpa.mask_clr) | cpa.mask_set;
  req_prot = pgprot_clear_protnone_bits(pgprot_4k_2_large(req_prot));
  if ((req_prot & _PAGE_PRESENT) !== 0) req_prot |= _PAGE_PSE;

  cpa.pfn = old_pfn + (address - lpaddr) / PAGE_SIZE;

  const chk_prot = static_protections(k, old_prot, lpaddr, old_pfn, numpages, psize, 'conflict');
  if (chk_prot !== old_prot) {
    k.warn_once('__should_split_large_page', 'CPA: existing mapping conflicts with the static protections');
    cpa.force_static_prot = true;
    return 1;
  }

  if (req_prot === old_prot) {
    k.guard('__should_split_large_page', 'req_prot == old_prot: the large leaf is so already');
    return 0;
  }
  if (address !== lpaddr || cpa.numpages !== numpages) return 1;

  let new_prot = static_protections(k, req_prot, lpaddr, old_pfn, numpages, psize, 'detect');
  new_prot = verify_rwx(k, old_prot, new_prot, lpaddr, old_pfn, numpages, path);
  if (req_prot !== new_prot) return 1;

  warn_dirty_readonly(k, new_prot, '__should_split_large_page');
  yield* set_pfn(k, kpte, old_pfn, new_prot);
  k.guard('__should_split_large_page', 'numpages == psize: the whole large leaf is changed as one');
  cpa.flags |= CPA_FLUSHTLB;
  return 0;
}

/** :1103 */
function* should_split_large_page(
  k: X86Kernel,
  kpte: number,
  address: VirtualAddress,
  cpa: cpa_data,
): Task<number> {
  if (cpa.force_split) return 1;
  yield* spin_lock(k, k.pgd_lock);
  const do_split = yield* __should_split_large_page(k, kpte, address, cpa);
  spin_unlock(k, k.pgd_lock);
  return do_split;
}

/** One entry of a table that is not linked yet. :1118 */
function split_set_pte(
  k: X86Kernel,
  cpa: cpa_data,
  pte: number,
  pfn: number,
  ref_prot: EntryFlags,
  address: VirtualAddress,
  size: number,
): void {
  let prot = ref_prot;
  if (cpa.force_static_prot) {
    prot = static_protections(k, ref_prot, address, pfn, size / PAGE_SIZE, 0, 'protect');
    if (prot !== ref_prot && size !== PAGE_SIZE) {
      k.pr_warn_once('split_set_pte', 'CPA: Cannot fixup static protections for PUD split');
      prot = ref_prot;
    }
  }
  warn_dirty_readonly(k, prot, 'split_set_pte');
  store_entry(k, pte, pfn_pte_low(k, pfn, prot), pfn_pte_high(k, pfn, prot));
}

/**
 * Effect: the leaf at `kpte` becomes the table `base`, whose entries map the same with the same rights, and every
 * CPU's TLB is flushed under both locks. Returns 1, with nothing done, if another CPU was faster. :1155
 */
function* __split_large_page(
  k: X86Kernel,
  cpa: cpa_data,
  kpte: number,
  address: VirtualAddress,
  base: number,
): Task<number> {
  yield* spin_lock(k, k.pgd_lock);
  const { path } = cpa;
  const tmp = yield* _lookup_address_cpa(k, cpa, address, path);
  const level = path.level;
  if (tmp !== kpte || (level !== PG_LEVEL_2M && level !== PG_LEVEL_1G)) {
    spin_unlock(k, k.pgd_lock);
    return 1;
  }

  const low = k.memory.low(kpte);
  const high = k.memory.high(kpte);
  let ref_prot = large_pgprot(k, level, low, high);
  let pfninc = 1;
  let lpinc = PAGE_SIZE;
  if (level === PG_LEVEL_2M) {
    ref_prot = pgprot_large_2_4k(ref_prot);
  } else {
    pfninc = k.pmd_size / PAGE_SIZE;
    lpinc = k.pmd_size;
    if ((ref_prot & _PAGE_PRESENT) === 0) ref_prot &= ~_PAGE_PSE;
  }
  ref_prot = pgprot_clear_protnone_bits(ref_prot);

  let pfn = large_pfn(k, level, low, high);
  let lpaddr = align_down(address, page_level_size(k, level));
  for (let i = 0; i < k.ptrs_per_table; i++, pfn += pfninc, lpaddr += lpinc) {
    split_set_pte(k, cpa, base * PAGE_SIZE + i * 8, pfn, ref_prot, lpaddr, lpinc);
  }

  if (k.virt_addr_valid(address)) {
    const mapped = Math.floor(k.__pa(address) / PAGE_SIZE);
    if (k.pfn_range_is_mapped(mapped, mapped + 1)) split_page_count(k, level);
  }

  yield* set_pfn(k, kpte, base, _KERNPG_TABLE);
  if (k.listening) k.emit({ kind: 'split', cpu: k.cpu, level, address: fix_addr(address), table: base });
  yield* flush_tlb_all(k);
  spin_unlock(k, k.pgd_lock);
  return 0;
}

/** Whether this request works without cpa_lock, as debug_pagealloc's own must. :2066 */
function cpa_lock_skipped(k: X86Kernel, cpa: cpa_data): boolean {
  if (!k.debug_pagealloc_enabled()) return false;
  return !k.has['cpa-lock-exempts-pagealloc-only'] || (cpa.flags & CPA_DEBUG_PAGEALLOC) !== 0;
}

/**
 * Effect: the leaf at `kpte` is split, by this CPU or another. Caller's duty: cpa_lock, which is dropped for the
 * allocation. Failure: -ENOMEM, nothing changed. :1260
 */
function* split_large_page(k: X86Kernel, cpa: cpa_data, kpte: number, address: VirtualAddress): Task<number> {
  // v7.2 unlocks here even for a request that went without the lock; only the absence of large leaves saves it.
  const unlock = k.has['cpa-lock-exempts-pagealloc-only'] || !k.debug_pagealloc_enabled();
  if (unlock) spin_unlock(k, k.cpa_lock);
  if (cpa.init_mm_read_locked) up_read(k, k.init_mm.mmap_lock);
  const level = lookup_level_now(k, cpa, address);
  const purpose = { level: level - 1, address: align_down(fix_addr(address), page_level_size(k, level)) };
  const base = k.has['split-ptdesc']
    ? yield* pte_alloc_one_kernel(k, purpose)
    : yield* alloc_pages(k, GFP_KERNEL, 0, purpose);
  if (cpa.init_mm_read_locked) yield* down_read(k, k.init_mm.mmap_lock);
  if (unlock) yield* spin_lock(k, k.cpa_lock);
  if (base === undefined) return -ENOMEM;

  if ((yield* __split_large_page(k, cpa, kpte, address, base)) !== 0) {
    if (k.has['split-ptdesc']) yield* pte_free_kernel(k, base);
    else yield* __free_pages(k, base, 0);
  }
  return 0;
}

/** The level of the leaf to be split, to tell the allocator what the page is for. */
function lookup_level_now(k: X86Kernel, cpa: cpa_data, address: VirtualAddress): number {
  const pgd = cpa.pgd === 0 ? pgd_offset_k(k, address) : pgd_offset_pgd(k, cpa.pgd, address);
  lookup_address_now(k, pgd, address, lookup_scratch);
  return lookup_scratch.level;
}

// ---- collapse

/**
 * Effect: if the table under `pmd` holds equal, consecutive 4K entries, `pmd` becomes their 2M leaf and the table is
 * queued to be freed. Returns 1 if so, else 0. :1281
 */
function* collapse_pmd_page(
  k: X86Kernel,
  pmd: number,
  address: VirtualAddress,
  pgtables: number[],
): Task<number> {
  const addr = align_down(address, k.pmd_size);
  const pte = pte_offset_kernel(k, pmd, addr);
  const prot = pte_pgprot(k, k.memory.low(pte), k.memory.high(pte));
  const pfn = pte_pfn(k, k.memory.low(pte), k.memory.high(pte));
  if ((pfn * PAGE_SIZE) % k.pmd_size !== 0) return 0;
  if ((prot & _PAGE_KERNEL_4K) !== 0) return 0;
  for (let i = 1; i < k.ptrs_per_table; i++) {
    const low = k.memory.low(pte + i * 8);
    const high = k.memory.high(pte + i * 8);
    if (!pte_present(low) || pte_pgprot(k, low, high) !== prot || pte_pfn(k, low, high) !== pfn + i) return 0;
  }
  const table = k.format.tableAddress(2, k.memory.low(pmd), k.memory.high(pmd)) / PAGE_SIZE;
  yield* set_pfn(k, pmd, pfn, pgprot_4k_2_large(prot) | _PAGE_PSE);
  pgtables.unshift(table);
  if (k.listening) k.emit({ kind: 'collapse', cpu: k.cpu, level: PG_LEVEL_2M, address: addr });
  if (k.virt_addr_valid(addr) && k.pfn_range_is_mapped(pfn, pfn + 1)) collapse_page_count(k, PG_LEVEL_2M);
  return 1;
}

/** The same one level up: 2M leaves to a 1G leaf. :1351 */
function* collapse_pud_page(
  k: X86Kernel,
  pud: number,
  address: VirtualAddress,
  pgtables: number[],
): Task<number> {
  if (!k.direct_gbpages) return 0;
  const addr = align_down(address, k.pud_size);
  const pmd = pmd_offset(k, pud, addr);
  const first_low = k.memory.low(pmd);
  const first_high = k.memory.high(pmd);
  const pfn = large_pfn(k, PG_LEVEL_2M, first_low, first_high);
  const prot = large_pgprot(k, PG_LEVEL_2M, first_low, first_high);
  if (!pmd_leaf(first_low) || (pfn * PAGE_SIZE) % k.pud_size !== 0) return 0;
  for (let i = 1; i < k.ptrs_per_table; i++) {
    const low = k.memory.low(pmd + i * 8);
    const high = k.memory.high(pmd + i * 8);
    if (!pmd_present(low) || !pmd_leaf(low) || large_pgprot(k, PG_LEVEL_2M, low, high) !== prot) return 0;
    if (large_pfn(k, PG_LEVEL_2M, low, high) !== pfn + i * k.ptrs_per_table) return 0;
  }
  pgtables.unshift(k.format.tableAddress(3, k.memory.low(pud), k.memory.high(pud)) / PAGE_SIZE);
  yield* set_pfn(k, pud, pfn, prot);
  if (k.listening) k.emit({ kind: 'collapse', cpu: k.cpu, level: PG_LEVEL_1G, address: addr });
  if (k.virt_addr_valid(addr) && k.pfn_range_is_mapped(pfn, pfn + 1)) collapse_page_count(k, PG_LEVEL_1G);
  return 1;
}

/** Caller's duty: to flush every TLB and then free the queued tables. Returns how many leaves were made. :1406 */
function* collapse_large_pages(k: X86Kernel, address: VirtualAddress, pgtables: number[]): Task<number> {
  const addr = align_down(address, k.pmd_size);
  yield* spin_lock(k, k.pgd_lock);
  const collapsed = yield* collapse_under_pgd_lock(k, addr, pgtables);
  spin_unlock(k, k.pgd_lock);
  return collapsed;
}

function* collapse_under_pgd_lock(k: X86Kernel, addr: VirtualAddress, pgtables: number[]): Task<number> {
  const pgd = pgd_offset_k(k, addr);
  if (pgd_none(k, pgd)) return 0;
  const p4d = p4d_offset(k, pgd, addr);
  if (pointer_none(k, p4d)) return 0;
  const pud = pud_offset(k, p4d, addr);
  if (!pud_present(k.memory.low(pud)) || pud_leaf(k, k.memory.low(pud))) return 0;
  const pmd = pmd_offset(k, pud, addr);
  if (!pmd_present(k.memory.low(pmd)) || pmd_leaf(k.memory.low(pmd))) return 0;
  const collapsed = yield* collapse_pmd_page(k, pmd, addr, pgtables);
  if (collapsed === 0) return 0;
  return collapsed + (yield* collapse_pud_page(k, pud, addr, pgtables));
}

// ---- populating: only for requests that name their top table

function pmd_page_of(k: X86Kernel, pmd: number): number {
  return k.format.tableAddress(2, k.memory.low(pmd), k.memory.high(pmd)) / PAGE_SIZE;
}

function table_is_empty(k: X86Kernel, table: number): boolean {
  for (let i = 0; i < k.ptrs_per_table; i++) {
    if (!pointer_none(k, table * PAGE_SIZE + i * 8)) return false;
  }
  return true;
}

/** :1467 */
function* unmap_pte_range(
  k: X86Kernel,
  pmd: number,
  start: VirtualAddress,
  end: VirtualAddress,
): Task<boolean> {
  for (let addr = start; addr < end; addr += PAGE_SIZE) {
    yield* set_entry(k, pte_offset_kernel(k, pmd, addr), 0, 0);
  }
  return yield* free_if_empty(k, pmd);
}

/** try_to_free_pte_page() and try_to_free_pmd_page(), with the clearing of the entry that pointed to it. */
function* free_if_empty(k: X86Kernel, parent: number): Task<boolean> {
  const table = pmd_page_of(k, parent);
  if (!table_is_empty(k, table)) return false;
  yield* pte_free_kernel(k, table);
  yield* set_entry(k, parent, 0, 0);
  return true;
}

/** :1478 */
function* __unmap_pmd_range(
  k: X86Kernel,
  pud: number,
  pmd: number,
  start: VirtualAddress,
  end: VirtualAddress,
): Task<void> {
  if (yield* unmap_pte_range(k, pmd, start, end)) yield* free_if_empty(k, pud);
}

/** :1486 */
function* unmap_pmd_range(k: X86Kernel, pud: number, start: VirtualAddress, end: VirtualAddress): Task<void> {
  let addr = start;
  if (addr % k.pmd_size !== 0) {
    const pre_end = Math.min(end, align_down(addr + k.pmd_size, k.pmd_size));
    yield* __unmap_pmd_range(k, pud, pmd_offset(k, pud, addr), addr, pre_end);
    addr = pre_end;
  }
  for (; end - addr >= k.pmd_size; addr += k.pmd_size) {
    const pmd = pmd_offset(k, pud, addr);
    if (pmd_leaf(k.memory.low(pmd))) yield* set_entry(k, pmd, 0, 0);
    else if (!pointer_none(k, pmd)) yield* __unmap_pmd_range(k, pud, pmd, addr, addr + k.pmd_size);
  }
  if (addr < end) {
    const pmd = pmd_offset(k, pud, addr);
    if (!pointer_none(k, pmd)) yield* __unmap_pmd_range(k, pud, pmd, addr, end);
  } else if (!pointer_none(k, pud)) {
    yield* free_if_empty(k, pud);
  }
}

/** Takes back what a failed populate_pgd() made; the PUD page stays. :1533 */
function* unmap_pud_range(k: X86Kernel, p4d: number, start: VirtualAddress, end: VirtualAddress): Task<void> {
  for (let addr = start; addr < end; ) {
    const next = Math.min(end, align_down(addr + k.pud_size, k.pud_size));
    const pud = pud_offset(k, p4d, addr);
    const low = k.memory.low(pud);
    if (next - addr === k.pud_size && pud_leaf(k, low)) yield* set_entry(k, pud, 0, 0);
    else if (!pointer_none(k, pud)) yield* unmap_pmd_range(k, pud, addr, next);
    addr = next;
  }
}

/** An empty table under `parent`, for `level`. Returns false if there is no page for it. */
function* populate_table(k: X86Kernel, parent: number, level: number, addr: VirtualAddress): Task<boolean> {
  if (!pointer_none(k, parent)) return true;
  const covers = k.ptrs_per_table * 2 ** k.format.levelShift(level);
  const table = yield* pte_alloc_one_kernel(k, { level, address: align_down(addr, covers) });
  if (table === undefined) return false;
  yield* set_pfn(k, parent, table, _KERNPG_TABLE);
  return true;
}

/** :1600 */
function* populate_pte(
  k: X86Kernel,
  cpa: cpa_data,
  pmd: number,
  start: number,
  end: number,
  prot: EntryFlags,
): Task<void> {
  const pgprot = pgprot_clear_protnone_bits(prot);
  for (let addr = start; addr < end; addr += PAGE_SIZE) {
    yield* set_pfn(k, pte_offset_kernel(k, pmd, addr), cpa.pfn, pgprot);
    cpa.pfn++;
  }
}

/** Pages mapped, or -1 when a table cannot be had. :1619 */
function* populate_pmd(
  k: X86Kernel,
  cpa: cpa_data,
  pud: number,
  start: number,
  end: number,
  prot: EntryFlags,
): Task<number> {
  for (let addr = start; addr < end; ) {
    if (!(yield* populate_table(k, pud, 2, addr))) return -1;
    const pmd = pmd_offset(k, pud, addr);
    const next = Math.min(end, align_down(addr + k.pmd_size, k.pmd_size));
    if (next - addr === k.pmd_size) {
      const large = massage_pgprot(k, pgprot_4k_2_large(prot)) | _PAGE_PSE;
      yield* set_pfn(k, pmd, cpa.pfn, large);
      cpa.pfn += k.pmd_size / PAGE_SIZE;
    } else {
      if (!(yield* populate_table(k, pmd, 1, addr))) return -1;
      yield* populate_pte(k, cpa, pmd, addr, next, prot);
    }
    addr = next;
  }
  return (end - start) / PAGE_SIZE;
}

/** Pages mapped, or negative. A failure after the first whole gigabytes reports those as done. :1693 */
function* populate_pud(
  k: X86Kernel,
  cpa: cpa_data,
  start: VirtualAddress,
  p4d: number,
  prot: EntryFlags,
): Task<number> {
  const end = start + cpa.numpages * PAGE_SIZE;
  let cur_pages = 0;
  for (let addr = start; addr < end; ) {
    const pud = pud_offset(k, p4d, addr);
    const next = Math.min(end, align_down(addr + k.pud_size, k.pud_size));
    if (next - addr === k.pud_size && k.machine.features.gbpages) {
      yield* set_pfn(k, pud, cpa.pfn, massage_pgprot(k, pgprot_4k_2_large(prot)) | _PAGE_PSE);
      cpa.pfn += k.pud_size / PAGE_SIZE;
      cur_pages += k.pud_size / PAGE_SIZE;
    } else {
      const first = addr === start && start % k.pud_size !== 0;
      if (!(yield* populate_table(k, pud, 2, addr))) return -1;
      const done = yield* populate_pmd(k, cpa, pud, addr, next, prot);
      if (done < 0) return first ? done : cur_pages;
      cur_pages += done;
    }
    addr = next;
  }
  return cur_pages;
}

/** Failure: -1 (-EPERM, by accident), with the tables made so far left in place. :1775 */
function* populate_pgd(k: X86Kernel, cpa: cpa_data, addr: VirtualAddress): Task<number> {
  const pgd_entry = pgd_offset_pgd(k, cpa.pgd, addr);
  if (pgd_none(k, pgd_entry) && !(yield* populate_table(k, pgd_entry, 4, addr))) return -1;
  const p4d = p4d_offset(k, pgd_entry, addr);
  if (!(yield* populate_table(k, p4d, 3, addr))) return -1;
  const pgprot = (_KERNPG_TABLE & ~cpa.mask_clr) | cpa.mask_set;
  const ret = yield* populate_pud(k, cpa, addr, p4d, pgprot);
  if (ret < 0) {
    yield* unmap_pud_range(k, p4d, addr, addr + cpa.numpages * PAGE_SIZE);
    return ret;
  }
  cpa.numpages = ret;
  return 0;
}

// ---- the loop

/** An address without an entry. Sets `cpa.numpages` to what counts as done. :1832 */
function* __cpa_process_fault(
  k: X86Kernel,
  cpa: cpa_data,
  vaddr: VirtualAddress,
  primary: boolean,
): Task<number> {
  if (cpa.pgd !== 0) return yield* populate_pgd(k, cpa, vaddr);
  if (!primary) {
    cpa.numpages = 1;
    return 0;
  }
  if (in_direct_map(k, vaddr)) {
    k.guard('__cpa_process_fault', 'a hole in the direct map is passed over');
    cpa.numpages = 1;
    cpa.pfn = Math.floor(k.__pa(vaddr) / PAGE_SIZE);
    return 0;
  }
  if (!__cpa_pfn_in_highmap(k, cpa.pfn)) {
    k.warn(`CPA: called for zero pte. vaddr = ${hexAddress(vaddr)}`);
  }
  return -EFAULT;
}

/**
 * Effect: the leaf under the current page has the wanted attributes; `cpa.numpages` tells how many pages that was.
 * Failure: -ENOMEM from a split, -EINVAL, -EFAULT. Caller's duty: cpa_lock. :1877
 */
function* __change_page_attr(k: X86Kernel, cpa: cpa_data, primary: boolean): Task<number> {
  const address = __cpa_addr(k, cpa, cpa.curpage);
  const { path } = cpa;
  for (;;) {
    const kpte = yield* _lookup_address_cpa(k, cpa, address, path);
    if (kpte === 0) return yield* __cpa_process_fault(k, cpa, address, primary);
    const old_low = k.memory.low(kpte);
    const old_high = k.memory.high(kpte);
    if (entry_none(old_low, old_high)) return yield* __cpa_process_fault(k, cpa, address, primary);

    if (path.level === PG_LEVEL_4K) {
      k.guard('__change_page_attr', 'level == PG_LEVEL_4K: no split');
      const old_prot = pte_pgprot(k, old_low, old_high);
      const pfn = pte_pfn(k, old_low, old_high);
      let new_prot = (old_prot & ~cpa.mask_clr) | cpa.mask_set;
      new_prot = static_protections(k, new_prot, address, pfn, 1, 0, 'protect');
      new_prot = verify_rwx(k, old_prot, new_prot, address, pfn, 1, path);
      new_prot = pgprot_clear_protnone_bits(new_prot);
      warn_dirty_readonly(k, new_prot, '__change_page_attr');
      const low = pfn_pte_low(k, pfn, new_prot);
      const high = pfn_pte_high(k, pfn, new_prot);
      cpa.pfn = pfn;
      if (low !== old_low || high !== old_high) {
        yield* set_entry(k, kpte, low, high);
        cpa.flags |= CPA_FLUSHTLB;
      }
      cpa.numpages = 1;
      return 0;
    }

    const do_split = yield* should_split_large_page(k, kpte, address, cpa);
    if (do_split <= 0) return do_split;
    const err = yield* split_large_page(k, cpa, kpte, address);
    if (err !== 0) return err;
  }
}

/** pfn_pte() of v7.2 does not like D without RW, and says so once wherever it is compiled in. asm/pgtable.h:730 */
function warn_dirty_readonly(k: X86Kernel, prot: EntryFlags, where: string): void {
  if (!k.has['pfn-pte-warns-dirty-ro']) return;
  if ((prot & (_PAGE_DIRTY | _PAGE_RW)) === _PAGE_DIRTY) {
    k.warn_once(`pfn_pte in ${where}`, `pfn_pte in ${where}: an entry is dirty and not writable`);
  }
}

/**
 * Effect: the same change is made where else the current pages are mapped: in the direct map, and in the image
 * mapping for frames of the image. Failure: the direct map's; the image mapping's is ignored. :1960
 */
function* cpa_process_alias(k: X86Kernel, cpa: cpa_data): Task<number> {
  if (!k.pfn_range_is_mapped(cpa.pfn, cpa.pfn + 1)) return 0;
  const vaddr = __cpa_addr(k, cpa, cpa.curpage);

  if (!in_direct_map(k, vaddr)) {
    const laddr = k.__va(cpa.pfn * PAGE_SIZE);
    cpa.force_flush_all = true;
    const ret = yield* __change_page_attr_set_clr(k, alias_of(k, cpa, laddr), false);
    if (ret !== 0) return ret;
  }

  const image_start = highmap_address(k, k.image.text);
  const image_end = highmap_address(k, k.image.brk_end);
  if (!within(vaddr, image_start, image_end) && __cpa_pfn_in_highmap(k, cpa.pfn)) {
    cpa.force_flush_all = true;
    yield* __change_page_attr_set_clr(k, alias_of(k, cpa, highmap_address(k, cpa.pfn * PAGE_SIZE)), false);
  }
  return 0;
}

function alias_of(k: X86Kernel, cpa: cpa_data, vaddr: VirtualAddress): cpa_data {
  const nx = k.has['cpa-alias-ignores-nx'] ? _PAGE_NX : 0;
  return {
    ...cpa,
    path: { level: 0, nx: false, rw: false },
    vaddr: [vaddr],
    curpage: 0,
    flags: cpa.flags & ~(CPA_PAGES_ARRAY | CPA_ARRAY),
    mask_set: cpa.mask_set & ~nx,
    mask_clr: cpa.mask_clr & ~nx,
  };
}

/**
 * Effect: every page of the request, and if `primary` its aliases, has the wanted attributes. Failure: the first
 * error; what was done before stays done. :2032
 */
function* __change_page_attr_set_clr(k: X86Kernel, cpa: cpa_data, primary: boolean): Task<number> {
  if (k.has['cpa-empty-masks-return'] && (cpa.mask_set | cpa.mask_clr) === 0 && !cpa.force_split) return 0;
  const numpages = cpa.numpages;
  const lock = !cpa_lock_skipped(k, cpa);
  let rempages = numpages;
  let ret = 0;
  while (rempages > 0) {
    cpa.numpages = (cpa.flags & (CPA_ARRAY | CPA_PAGES_ARRAY)) !== 0 ? 1 : rempages;
    if (lock) yield* spin_lock(k, k.cpa_lock);
    ret = yield* __change_page_attr(k, cpa, primary);
    if (lock) spin_unlock(k, k.cpa_lock);
    if (ret !== 0) break;
    if (primary && (cpa.flags & CPA_NO_CHECK_ALIAS) === 0) {
      ret = yield* cpa_process_alias(k, cpa);
      if (ret !== 0) break;
    }
    if (cpa.numpages > rempages || cpa.numpages === 0) {
      k.die({ how: 'BUG', text: 'kernel BUG in __change_page_attr_set_clr: page count' });
      yield* halt();
    }
    rempages -= cpa.numpages;
    cpa.curpage += cpa.numpages;
  }
  cpa.numpages = numpages;
  return ret;
}

/**
 * Effect: as above, then a flush if a primary entry changed (after an error, of everything). Context: may sleep,
 * interrupts on. Returns 0, -ENOMEM, -EFAULT or -EINVAL; a failure leaves what was done. :2110
 */
export function* change_page_attr_set_clr(
  k: X86Kernel,
  addr: readonly VirtualAddress[],
  numpages: number,
  mask_set: EntryFlags,
  mask_clr: EntryFlags,
  force_split: boolean,
  in_flag: number,
  pages: readonly number[],
): Task<number> {
  mask_set = massage_pgprot(k, mask_set);
  if (mask_set === 0 && mask_clr === 0 && !force_split) return 0;

  yield* vm_unmap_aliases(k);

  const cpa = create_cpa({
    vaddr: aligned_addresses(k, addr),
    pages,
    numpages,
    mask_set,
    mask_clr,
    flags: in_flag,
    force_split,
  });
  const mmap_lock = k.has['cpa-mmap-lock'];
  if (mmap_lock) yield* down_read(k, k.init_mm.mmap_lock);
  cpa.init_mm_read_locked = mmap_lock;
  const ret = yield* __change_page_attr_set_clr(k, cpa, primary_by_masks(k, cpa));
  cpa.init_mm_read_locked = false;
  if (mmap_lock) up_read(k, k.init_mm.mmap_lock);

  if ((cpa.flags & CPA_FLUSHTLB) === 0) return ret;
  const cache = (mask_set & _PAGE_CACHE_MASK) !== 0;
  if (ret !== 0) {
    yield* cpa_flush_all(k, cache);
    return ret;
  }
  yield* cpa_flush(k, cpa, cache);
  return 0;
}

function aligned_addresses(k: X86Kernel, addr: readonly VirtualAddress[]): readonly VirtualAddress[] {
  if (addr.every((one) => one % PAGE_SIZE === 0)) return addr;
  k.warn_once('change_page_attr_set_clr', 'change_page_attr_set_clr: address is not page aligned');
  return addr.map((one) => align_down(one, PAGE_SIZE));
}

/** Before v6.2 a change of NX alone, and CPA_NO_CHECK_ALIAS, made the whole request non-primary. */
function primary_by_masks(k: X86Kernel, cpa: cpa_data): boolean {
  if (!k.has['cpa-alias-ignores-nx'] && (cpa.mask_set | cpa.mask_clr) === _PAGE_NX) {
    cpa.flags |= CPA_NO_CHECK_ALIAS;
  }
  return k.has['cpa-primary-argument'] || (cpa.flags & CPA_NO_CHECK_ALIAS) === 0;
}

function change_page_attr_set(
  k: X86Kernel,
  addr: VirtualAddress,
  numpages: number,
  mask: EntryFlags,
): Task<number> {
  return change_page_attr_set_clr(k, [addr], numpages, mask, 0, false, 0, []);
}

function change_page_attr_clear(
  k: X86Kernel,
  addr: VirtualAddress,
  numpages: number,
  mask: EntryFlags,
): Task<number> {
  return change_page_attr_set_clr(k, [addr], numpages, 0, mask, false, 0, []);
}

// ---- memory types

/** Effect: [addr, addr + numpages) is `prot` exactly, aliases too. Gone in v7.2. :1953 (v6.12) */
export function* __set_memory_prot(
  k: X86Kernel,
  addr: VirtualAddress,
  numpages: number,
  prot: EntryFlags,
): Task<number> {
  return yield* change_page_attr_set_clr(k, [addr], numpages, prot, ~prot, false, 0, []);
}

/** :2225 */
export function* _set_memory_uc(k: X86Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* change_page_attr_set(k, addr, numpages, CACHE_MODE_BITS['UC-']);
}

/** Effect: uncached, reserved as such. Failure: -EBUSY if another type is reserved, or as change_page_attr. :2238 */
export function* set_memory_uc(k: X86Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  const start = k.__pa(addr);
  const ret = memtype_reserve(k, start, start + numpages * PAGE_SIZE, 'UC-');
  if (ret !== 0) return ret;
  const err = yield* _set_memory_uc(k, addr, numpages);
  if (err !== 0) memtype_free(k, start, start + numpages * PAGE_SIZE);
  return err;
}

/** Two passes: first UC-, then WC. A failure of the second leaves UC-. :2263 */
export function* _set_memory_wc(k: X86Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  const ret = yield* change_page_attr_set(k, addr, numpages, CACHE_MODE_BITS['UC-']);
  if (ret !== 0) return ret;
  return yield* change_page_attr_set_clr(
    k,
    [addr],
    numpages,
    CACHE_MODE_BITS.WC,
    _PAGE_CACHE_MASK,
    false,
    0,
    [],
  );
}

/** :2279 */
export function* set_memory_wc(k: X86Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  const start = k.__pa(addr);
  const ret = memtype_reserve(k, start, start + numpages * PAGE_SIZE, 'WC');
  if (ret !== 0) return ret;
  const err = yield* _set_memory_wc(k, addr, numpages);
  if (err !== 0) memtype_free(k, start, start + numpages * PAGE_SIZE);
  return err;
}

/** :2296 */
export function* _set_memory_wt(k: X86Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* change_page_attr_set(k, addr, numpages, CACHE_MODE_BITS.WT);
}

/** :2302 */
export function* _set_memory_wb(k: X86Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* change_page_attr_clear(k, addr, numpages, _PAGE_CACHE_MASK);
}

/** :2309 */
export function* set_memory_wb(k: X86Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  const ret = yield* _set_memory_wb(k, addr, numpages);
  if (ret !== 0) return ret;
  memtype_free(k, k.__pa(addr), k.__pa(addr) + numpages * PAGE_SIZE);
  return 0;
}

// ---- memory failure

/** The direct-map address of a frame with bit 63 flipped, so that nothing is read through it speculatively. */
function decoy_address(k: X86Kernel, pfn: number): VirtualAddress {
  return k.page_address(pfn) + 2 ** 63;
}

/**
 * Effect: a poisoned page is not present (or, before v5.19 and with `unmap` false, uncached). The split of a large
 * leaf through the decoy address is not counted. :2324; asm/set_memory.h:95 (v5.10)
 */
export function* set_mce_nospec(k: X86Kernel, pfn: number, unmap = true): Task<number> {
  const decoy = decoy_address(k, pfn);
  const np = k.has['mce-nospec-unmaps'] || unmap;
  const rc = yield* np ? set_memory_np(k, decoy, 1) : set_memory_uc(k, decoy, 1);
  if (rc !== 0) k.printk('warn', `Could not invalidate pfn=0x${pfn.toString(16)} from 1:1 map`);
  return rc;
}

/** Effect: the page is present again; before v5.19 only cached again. :2354 */
export function* clear_mce_nospec(k: X86Kernel, pfn: number): Task<number> {
  const addr = k.page_address(pfn);
  return yield* k.has['mce-nospec-unmaps'] ? set_memory_p(k, addr, 1) : set_memory_wb(k, addr, 1);
}

// ---- permissions

/** :2363 */
export function* set_memory_x(k: X86Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* change_page_attr_clear(k, addr, numpages, _PAGE_NX);
}

/** :2371 */
export function* set_memory_nx(k: X86Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* change_page_attr_set(k, addr, numpages, _PAGE_NX);
}

/** :2379 */
export function* set_memory_ro(k: X86Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  const mask = k.has['ro-clears-dirty'] ? _PAGE_RW | _PAGE_DIRTY : _PAGE_RW;
  return yield* change_page_attr_clear(k, addr, numpages, mask);
}

/** Effect: read-only and executable; v7.2 then tries to restore large leaves. :2384 */
export function* set_memory_rox(k: X86Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  const mask = _PAGE_RW | _PAGE_DIRTY | _PAGE_NX;
  return yield* change_page_attr_set_clr(k, [addr], numpages, 0, mask, false, CPA_COLLAPSE, []);
}

/** :2395 */
export function* set_memory_rw(k: X86Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* change_page_attr_set(k, addr, numpages, _PAGE_RW);
}

/** Effect: not present, RW and D kept, G lost. A large leaf covered whole stays large. :2400 */
export function* set_memory_np(k: X86Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* change_page_attr_clear(k, addr, numpages, _PAGE_PRESENT);
}

/** :2405 */
export function* set_memory_np_noalias(k: X86Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* change_page_attr_set_clr(
    k,
    [addr],
    numpages,
    0,
    _PAGE_PRESENT,
    false,
    CPA_NO_CHECK_ALIAS,
    [],
  );
}

/** Effect: present, with whatever else the entry had kept. :2412 */
export function* set_memory_p(k: X86Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* change_page_attr_set(k, addr, numpages, _PAGE_PRESENT);
}

/** Effect: mapped by 4K entries. :2417 */
export function* set_memory_4k(k: X86Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  const mark = k.has['kernel-4k-marks'] ? _PAGE_KERNEL_4K : 0;
  return yield* change_page_attr_set_clr(k, [addr], numpages, mark, 0, true, 0, []);
}

/** :2424 */
export function* set_memory_nonglobal(k: X86Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* change_page_attr_clear(k, addr, numpages, _PAGE_GLOBAL);
}

/** :2430 */
export function* set_memory_global(k: X86Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* change_page_attr_set(k, addr, numpages, _PAGE_GLOBAL);
}

// ---- encryption

/**
 * Effect: the pages are private or shared, in the entries and for the host. Failure: an errno; what was done stays, and
 * nobody knows what the host can read. Works on init_mm's top table by name, so that a hole is
 * populated, with frames from 0 up. :2440
 */
function* __set_memory_enc_pgtable(
  k: X86Kernel,
  addr: VirtualAddress,
  numpages: number,
  enc: boolean,
): Task<number> {
  const cpa = create_cpa({
    vaddr: aligned_addresses(k, [addr]),
    numpages,
    mask_set: enc ? _PAGE_ENC : 0,
    mask_clr: enc ? 0 : _PAGE_ENC,
    pgd: k.init_mm.pgd,
  });
  yield* vm_unmap_aliases(k);
  if (k.guest.enc_tlb_flush_required(enc)) yield* cpa_flush(k, cpa, k.guest.enc_cache_flush_required());
  let ret = yield* k.guest.enc_status_change_prepare(k, addr, numpages, enc);
  if (ret !== 0) return vmm_fail(k, enc, ret);
  ret = yield* __change_page_attr_set_clr(k, cpa, true);
  yield* cpa_flush(k, cpa, false);
  if (ret !== 0) return ret;
  ret = yield* k.guest.enc_status_change_finish(k, addr, numpages, enc);
  return ret === 0 ? 0 : vmm_fail(k, enc, ret);
}

/** The machine under the kernel has failed. Before the change every such error was -EIO, without a warning. :2490 */
function vmm_fail(k: X86Kernel, enc: boolean, ret: number): number {
  if (!k.has['conversion-failure-warns']) return -EIO;
  const to = enc ? 'private' : 'shared';
  k.warn_once('__set_memory_enc_pgtable', `CPA VMM failure to convert memory to ${to}: ${ret}`);
  return ret;
}

/** Nothing to do on a machine without memory encryption. Failure: -EBUSY while conversions are stopped. :2526 */
function* __set_memory_enc_dec(
  k: X86Kernel,
  addr: VirtualAddress,
  numpages: number,
  enc: boolean,
): Task<number> {
  if (k.machine.features.encryption_bit === undefined) {
    k.guard('__set_memory_enc_dec', 'no CC_ATTR_MEM_ENCRYPT: nothing is done');
    return 0;
  }
  if (k.mem_enc_lock.writer !== -1) return -EBUSY;
  return yield* __set_memory_enc_pgtable(k, addr, numpages, enc);
}

export function* set_memory_encrypted(k: X86Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* __set_memory_enc_dec(k, addr, numpages, true);
}

export function* set_memory_decrypted(k: X86Kernel, addr: VirtualAddress, numpages: number): Task<number> {
  return yield* __set_memory_enc_dec(k, addr, numpages, false);
}

// ---- by page

export function* set_pages_uc(k: X86Kernel, page: number, numpages: number): Task<number> {
  return yield* set_memory_uc(k, k.page_address(page), numpages);
}

/** Every error becomes -EINVAL; pages already changed stay so, their reservations are dropped. :2562 */
function* _set_pages_array(
  k: X86Kernel,
  pages: readonly number[],
  new_type: 'UC-' | 'WC' | 'WT',
): Task<number> {
  let reserved = 0;
  while (reserved < pages.length && memtype_reserve_page(k, pages[reserved]!, new_type) === 0) reserved++;
  let ret = reserved < pages.length ? -EINVAL : 0;
  if (ret === 0) {
    const first = new_type === 'WC' ? 'UC-' : new_type;
    ret = yield* cpa_pages_array(k, pages, CACHE_MODE_BITS[first], 0);
    if (ret === 0 && new_type === 'WC') {
      ret = yield* cpa_pages_array(k, pages, CACHE_MODE_BITS.WC, _PAGE_CACHE_MASK);
    }
  }
  if (ret === 0) return 0;
  for (const page of pages.slice(0, reserved)) memtype_free(k, page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
  return -EINVAL;
}

function memtype_reserve_page(k: X86Kernel, page: number, type: X86MemoryType): number {
  return memtype_reserve(k, page * PAGE_SIZE, (page + 1) * PAGE_SIZE, type);
}

function cpa_pages_array(
  k: X86Kernel,
  pages: readonly number[],
  mask_set: EntryFlags,
  mask_clr: EntryFlags,
): Task<number> {
  return change_page_attr_set_clr(k, [], pages.length, mask_set, mask_clr, false, CPA_PAGES_ARRAY, pages);
}

export function* set_pages_array_uc(k: X86Kernel, pages: readonly number[]): Task<number> {
  return yield* _set_pages_array(k, pages, 'UC-');
}

export function* set_pages_array_wc(k: X86Kernel, pages: readonly number[]): Task<number> {
  return yield* _set_pages_array(k, pages, 'WC');
}

/** Gone after v5.11. :2096 (v5.10) */
export function* set_pages_array_wt(k: X86Kernel, pages: readonly number[]): Task<number> {
  return yield* _set_pages_array(k, pages, 'WT');
}

export function* set_pages_wb(k: X86Kernel, page: number, numpages: number): Task<number> {
  return yield* set_memory_wb(k, k.page_address(page), numpages);
}

/** :2628 */
export function* set_pages_array_wb(k: X86Kernel, pages: readonly number[]): Task<number> {
  const ret = yield* cpa_pages_array(k, pages, 0, _PAGE_CACHE_MASK);
  if (ret !== 0) return ret;
  for (const page of pages) memtype_free(k, page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
  return 0;
}

export function* set_pages_ro(k: X86Kernel, page: number, numpages: number): Task<number> {
  return yield* set_memory_ro(k, k.page_address(page), numpages);
}

export function* set_pages_rw(k: X86Kernel, page: number, numpages: number): Task<number> {
  return yield* set_memory_rw(k, k.page_address(page), numpages);
}

/** Effect: P and RW set, nothing else restored; no alias, no flush. :2667 */
function* __set_pages_p(k: X86Kernel, page: number, numpages: number, cpa_flags: number): Task<number> {
  const cpa = create_cpa({
    vaddr: [k.page_address(page)],
    numpages,
    mask_set: _PAGE_PRESENT | _PAGE_RW,
    flags: CPA_NO_CHECK_ALIAS | cpa_flags,
  });
  return yield* __change_page_attr_set_clr(k, cpa, k.has['cpa-primary-argument']);
}

/** Effect: P, RW and since v6.6 D cleared; no alias, no flush. :2686 */
function* __set_pages_np(k: X86Kernel, page: number, numpages: number, cpa_flags: number): Task<number> {
  const cpa = create_cpa({
    vaddr: [k.page_address(page)],
    numpages,
    mask_clr: _PAGE_PRESENT | _PAGE_RW | (k.has['np-clears-dirty'] ? _PAGE_DIRTY : 0),
    flags: CPA_NO_CHECK_ALIAS | cpa_flags,
  });
  return yield* __change_page_attr_set_clr(k, cpa, k.has['cpa-primary-argument']);
}

/** Failure: -ENOMEM if the page lay in a large leaf that could not be split; then it is still mapped. :2705 */
export function* set_direct_map_invalid_noflush(k: X86Kernel, page: number): Task<number> {
  return yield* __set_pages_np(k, page, 1, 0);
}

/** Failure: -ENOMEM if the page lay in a large leaf that could not be split; then it is still not mapped. :2710 */
export function* set_direct_map_default_noflush(k: X86Kernel, page: number): Task<number> {
  return yield* __set_pages_p(k, page, 1, 0);
}

/** :2715 */
export function* set_direct_map_valid_noflush(
  k: X86Kernel,
  page: number,
  nr: number,
  valid: boolean,
): Task<number> {
  return yield* valid ? __set_pages_p(k, page, nr, 0) : __set_pages_np(k, page, nr, 0);
}

/** Errors are dropped: nobody can learn of them. Flushes this CPU only. Any context. :2724 */
export function* __kernel_map_pages(
  k: X86Kernel,
  page: number,
  numpages: number,
  enable: number,
): Task<void> {
  if (enable !== 0) yield* __set_pages_p(k, page, numpages, CPA_DEBUG_PAGEALLOC);
  else yield* __set_pages_np(k, page, numpages, CPA_DEBUG_PAGEALLOC);
  __flush_tlb_all(k);
}

/** P of the entry that maps the page. A page without any entry makes the kernel read through NULL. :2765 */
export function* kernel_page_present(k: X86Kernel, page: number): Task<boolean> {
  const { kpte } = yield* lookup_address(k, k.page_address(page));
  if (kpte === 0) {
    k.die({ how: 'oops', text: 'NULL pointer dereference in kernel_page_present: the page has no entry' });
    yield* halt();
  }
  return (k.memory.low(kpte) & _PAGE_PRESENT) !== 0;
}

// ---- other top tables (EFI)

/** Effect: maps frames from `pfn` in the tables under `pgd`, populating them. Boot CPU only. :2777 */
export function* kernel_map_pages_in_pgd(
  k: X86Kernel,
  pgd: number,
  pfn: number,
  address: VirtualAddress,
  numpages: number,
  page_flags: EntryFlags,
): Task<number> {
  const dirty = k.has['np-clears-dirty'] ? _PAGE_DIRTY : 0;
  const unencrypted = (page_flags & _PAGE_ENC) === 0 ? _PAGE_ENC : 0;
  const cpa = create_cpa({
    vaddr: [address],
    pfn,
    pgd,
    numpages,
    mask_set: _PAGE_PRESENT | page_flags,
    mask_clr: (~page_flags & (_PAGE_NX | _PAGE_RW | dirty)) | unencrypted,
    flags: CPA_NO_CHECK_ALIAS,
  });
  const ret = yield* __change_page_attr_set_clr(k, cpa, k.has['cpa-primary-argument']);
  __flush_tlb_all(k);
  return ret;
}

/** :2814 */
export function* kernel_unmap_pages_in_pgd(
  k: X86Kernel,
  pgd: number,
  address: VirtualAddress,
  numpages: number,
): Task<number> {
  const dirty = k.has['np-clears-dirty'] ? _PAGE_DIRTY : 0;
  const cpa = create_cpa({
    vaddr: [address],
    pgd,
    numpages,
    mask_clr: _PAGE_PRESENT | _PAGE_RW | dirty,
    flags: CPA_NO_CHECK_ALIAS,
  });
  const ret = yield* __change_page_attr_set_clr(k, cpa, k.has['cpa-primary-argument']);
  __flush_tlb_all(k);
  return ret;
}
