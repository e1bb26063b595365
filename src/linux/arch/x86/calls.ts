/** The x86-64 functions that can be called by name. */

import { type CallParameter, type KernelBuild, type KernelCall, number, numbers } from '../../call.ts';
import type { Task } from '../../task.ts';
import { gart_iommu_init } from './kernel/amd_gart_64.ts';
import { uc_decode_notifier } from './kernel/cpu/mce/core.ts';
import {
  kexec_mark_crashkres,
  kexec_mark_dm_crypt_keys,
  machine_kexec_cleanup,
  machine_kexec_prepare,
} from './kernel/machine_kexec_64.ts';
import { free_init_pages } from './mm/init.ts';
import * as pat from './mm/pat/set_memory.ts';
import { flush_tlb_all } from './mm/tlb.ts';
import { efi_map_region, efi_setup_page_tables } from './platform/efi/efi_64.ts';
import { rmp_make_private, rmp_make_shared } from './virt/svm/sev.ts';
import type { X86Kernel } from './x86_kernel.ts';

type X86Call = KernelCall<X86Kernel>;
type X86Build = KernelBuild<X86Kernel>;

const ADDR: CallParameter = { name: 'addr', kind: 'address' };
const PAGES: CallParameter = { name: 'pages', kind: 'count' };
const PAGE: CallParameter = { name: 'pfn', kind: 'page' };
const ARRAY: CallParameter = { name: 'pfns', kind: 'pages' };

function since(change: keyof X86Kernel['has']): (k: X86Build) => string | undefined {
  return (k) => (k.has[change] ? undefined : `${k.version.name} lacks the change ${change}`);
}

function until(change: keyof X86Kernel['has']): (k: X86Build) => string | undefined {
  return (k) => (k.has[change] ? `gone with the change ${change}` : undefined);
}

/** int f(unsigned long addr, int numpages). */
function onRange(
  name: string,
  summary: string,
  f: (k: X86Kernel, addr: number, numpages: number) => Task<number>,
  missing?: X86Call['missing'],
): X86Call {
  const call: X86Call = {
    name,
    parameters: [ADDR, PAGES],
    returns: 'int',
    summary,
    run: (k, args) => f(k, number(args, 0), number(args, 1)),
  };
  return missing === undefined ? call : { ...call, missing };
}

/** int f(struct page *page, int numpages). */
function onPages(
  name: string,
  summary: string,
  f: (k: X86Kernel, page: number, numpages: number) => Task<number>,
): X86Call {
  return {
    name,
    parameters: [PAGE, PAGES],
    returns: 'int',
    summary,
    run: (k, args) => f(k, number(args, 0), number(args, 1)),
  };
}

/** int f(struct page **pages, int numpages). */
function onArray(
  name: string,
  summary: string,
  f: (k: X86Kernel, pages: readonly number[]) => Task<number>,
): X86Call {
  return { name, parameters: [ARRAY], returns: 'int', summary, run: (k, args) => f(k, numbers(args, 0)) };
}

function* bool(task: Task<boolean>): Task<number> {
  return (yield* task) ? 1 : 0;
}

function* nothing(task: Task<void>): Task<undefined> {
  yield* task;
  return undefined;
}

/** __kernel_map_pages() exists for DEBUG_PAGEALLOC only, since the series of 2020. */
function kernelMapPagesMissing(k: KernelBuild): string | undefined {
  if (!k.has['kernel-map-pages-debug-only'] || k.config.DEBUG_PAGEALLOC) return undefined;
  return 'needs CONFIG_DEBUG_PAGEALLOC=y since the change kernel-map-pages-debug-only';
}

function kernelPagePresentMissing(k: KernelBuild): string | undefined {
  if (k.has['kernel-page-present-always'] || k.config.HIBERNATION) return undefined;
  return 'needs CONFIG_HIBERNATION=y before the change kernel-page-present-always';
}

export const X86_CALLS: readonly X86Call[] = [
  onRange('set_memory_ro', 'not writable', pat.set_memory_ro),
  onRange('set_memory_rw', 'writable', pat.set_memory_rw),
  onRange(
    'set_memory_rox',
    'not writable, executable; v7.2 restores large leaves',
    pat.set_memory_rox,
    since('set-memory-rox'),
  ),
  onRange('set_memory_x', 'executable', pat.set_memory_x),
  onRange('set_memory_nx', 'not executable', pat.set_memory_nx),
  onRange('set_memory_np', 'not present', pat.set_memory_np),
  onRange('set_memory_np_noalias', 'not present, in this mapping only', pat.set_memory_np_noalias),
  onRange('set_memory_p', 'present (a static function before v6.9)', pat.set_memory_p),
  onRange('set_memory_4k', 'mapped by 4K entries', pat.set_memory_4k),
  onRange('set_memory_global', 'global in the TLB', pat.set_memory_global),
  onRange('set_memory_nonglobal', 'not global in the TLB', pat.set_memory_nonglobal),
  onRange('set_memory_uc', 'uncached (UC-), reserved', pat.set_memory_uc),
  onRange('set_memory_wc', 'write-combining, reserved', pat.set_memory_wc),
  onRange('set_memory_wb', 'write-back, reservation dropped', pat.set_memory_wb),
  onRange('_set_memory_uc', 'uncached (UC-), not reserved', pat._set_memory_uc),
  onRange('_set_memory_wc', 'write-combining, not reserved', pat._set_memory_wc),
  onRange('_set_memory_wt', 'write-through, not reserved', pat._set_memory_wt),
  onRange('_set_memory_wb', 'write-back, reservation kept', pat._set_memory_wb),
  onRange('set_memory_encrypted', 'private (SME/SEV)', pat.set_memory_encrypted),
  onRange('set_memory_decrypted', 'shared (SME/SEV)', pat.set_memory_decrypted),
  {
    name: '__set_memory_prot',
    parameters: [ADDR, PAGES, { name: 'prot', kind: 'prot' }],
    returns: 'int',
    summary: 'exactly these protection bits',
    missing: until('no-set-memory-prot'),
    run: (k, args) => pat.__set_memory_prot(k, number(args, 0), number(args, 1), number(args, 2)),
  },
  {
    name: 'change_page_attr_set_clr',
    parameters: [
      ADDR,
      PAGES,
      { name: 'mask_set', kind: 'prot' },
      { name: 'mask_clr', kind: 'prot' },
      { name: 'force_split', kind: 'flag', default: 0 },
      { name: 'in_flag', kind: 'count', default: 0 },
    ],
    returns: 'int',
    summary: 'what all set_memory_*() come down to',
    run: (k, args) =>
      pat.change_page_attr_set_clr(
        k,
        [number(args, 0)],
        number(args, 1),
        number(args, 2),
        number(args, 3),
        number(args, 4) !== 0,
        number(args, 5),
        [],
      ),
  },
  {
    name: 'set_pages_array_wt',
    parameters: [ARRAY],
    returns: 'int',
    summary: 'write-through, page by page',
    missing: until('no-set-pages-array-wt'),
    run: (k, args) => pat.set_pages_array_wt(k, numbers(args, 0)),
  },
  onPages('set_pages_uc', 'set_memory_uc() by page', pat.set_pages_uc),
  onPages('set_pages_wb', 'set_memory_wb() by page', pat.set_pages_wb),
  onPages('set_pages_ro', 'set_memory_ro() by page', pat.set_pages_ro),
  onPages('set_pages_rw', 'set_memory_rw() by page', pat.set_pages_rw),
  onArray('set_pages_array_uc', 'uncached, page by page', pat.set_pages_array_uc),
  onArray('set_pages_array_wc', 'write-combining, page by page', pat.set_pages_array_wc),
  onArray('set_pages_array_wb', 'write-back, page by page', pat.set_pages_array_wb),
  {
    name: 'set_mce_nospec',
    parameters: [PAGE, { name: 'unmap', kind: 'flag', default: 1 }],
    returns: 'int',
    summary: 'out of the reach of speculation, because poisoned',
    run: (k, args) => pat.set_mce_nospec(k, number(args, 0), number(args, 1) !== 0),
  },
  {
    name: 'clear_mce_nospec',
    parameters: [PAGE],
    returns: 'int',
    summary: 'within the reach of speculation again',
    run: (k, args) => pat.clear_mce_nospec(k, number(args, 0)),
  },
  {
    name: 'free_init_pages',
    parameters: [ADDR, PAGES],
    returns: 'void',
    summary: 'reserved pages are free, writable and not executable; or not present under debug_pagealloc',
    run: (k, args) =>
      nothing(free_init_pages(k, number(args, 0), number(args, 0) + number(args, 1) * k.page_size)),
  },
  {
    name: 'kexec_mark_crashkres',
    parameters: [PAGE, PAGES, { name: 'protect', kind: 'flag' }],
    returns: 'void',
    summary: 'the memory of a loaded crash kernel is read-only, or writable; errors ignored',
    run: (k, args) =>
      nothing(kexec_mark_crashkres(k, number(args, 0), number(args, 1), number(args, 2) !== 0)),
  },
  {
    name: 'kexec_mark_dm_crypt_keys',
    parameters: [PAGE, PAGES, { name: 'protect', kind: 'flag' }],
    returns: 'void',
    summary: 'the keys kept for a crash kernel are not present, or present; errors ignored',
    missing: since('kexec-dm-crypt-keys'),
    run: (k, args) =>
      nothing(kexec_mark_dm_crypt_keys(k, number(args, 0), number(args, 1), number(args, 2) !== 0)),
  },
  {
    name: 'machine_kexec_prepare',
    parameters: [],
    returns: 'page',
    summary: 'the page from which kexec will jump, read-only and executable; errors ignored',
    missing: since('kexec-control-rox'),
    run: (k) => machine_kexec_prepare(k),
  },
  {
    name: 'machine_kexec_cleanup',
    parameters: [PAGE],
    returns: 'void',
    summary: 'gives it back, writable; errors ignored',
    missing: since('kexec-control-rox'),
    run: (k, args) => nothing(machine_kexec_cleanup(k, number(args, 0))),
  },
  {
    name: 'gart_iommu_init',
    parameters: [PAGE, PAGES],
    returns: 'void',
    summary: "the frames of AMD's GART are not present, by large leaves; errors ignored",
    run: (k, args) => nothing(gart_iommu_init(k, number(args, 0), number(args, 1))),
  },
  {
    name: 'efi_setup_page_tables',
    parameters: [{ name: 'pgd', kind: 'page' }, PAGE, PAGES],
    returns: 'int',
    summary: "firmware's memory map in EFI's own tables; 1 if that failed",
    run: (k, args) =>
      efi_setup_page_tables(k, number(args, 0) * k.page_size, number(args, 1), number(args, 2)),
  },
  {
    name: 'efi_map_region',
    parameters: [{ name: 'pgd', kind: 'page' }, PAGE, ADDR, PAGES],
    returns: 'void',
    summary: "a region of firmware's in EFI's own tables; an error is a line in the log",
    run: (k, args) =>
      nothing(
        efi_map_region(k, number(args, 0) * k.page_size, number(args, 1), number(args, 2), number(args, 3)),
      ),
  },
  {
    name: 'rmp_make_private',
    parameters: [PAGE, { name: 'level', kind: 'count', default: 1 }],
    returns: 'int',
    summary: "a page (1) or 2M (2) become an SEV-SNP guest's alone",
    missing: since('snp-host'),
    run: (k, args) => rmp_make_private(k, number(args, 0), number(args, 1)),
  },
  {
    name: 'rmp_make_shared',
    parameters: [PAGE, { name: 'level', kind: 'count', default: 1 }],
    returns: 'int',
    summary: "they are the host's again",
    missing: since('snp-host'),
    *run(k, args) {
      return rmp_make_shared(k, number(args, 0), number(args, 1));
    },
  },
  {
    name: 'uc_decode_notifier',
    parameters: [PAGE, { name: 'whole_page', kind: 'flag', default: 1 }],
    returns: 'int',
    summary: 'a machine check in the page: poisoned, and out of the direct map; errors of that ignored',
    run: (k, args) => uc_decode_notifier(k, number(args, 0), number(args, 1) !== 0),
  },
  {
    name: 'set_direct_map_invalid_noflush',
    parameters: [PAGE],
    returns: 'int',
    summary: 'out of the direct map; no flush',
    run: (k, args) => pat.set_direct_map_invalid_noflush(k, number(args, 0)),
  },
  {
    name: 'set_direct_map_default_noflush',
    parameters: [PAGE],
    returns: 'int',
    summary: 'in the direct map, writable; no flush',
    run: (k, args) => pat.set_direct_map_default_noflush(k, number(args, 0)),
  },
  {
    name: 'set_direct_map_valid_noflush',
    parameters: [PAGE, PAGES, { name: 'valid', kind: 'flag' }],
    returns: 'int',
    summary: 'in or out of the direct map, several pages; no flush',
    missing: since('set-direct-map-valid'),
    run: (k, args) =>
      pat.set_direct_map_valid_noflush(k, number(args, 0), number(args, 1), number(args, 2) !== 0),
  },
  {
    name: '__kernel_map_pages',
    parameters: [PAGE, PAGES, { name: 'enable', kind: 'flag' }],
    returns: 'void',
    summary: 'in or out of the direct map; errors dropped, local flush',
    missing: kernelMapPagesMissing,
    run: (k, args) => nothing(pat.__kernel_map_pages(k, number(args, 0), number(args, 1), number(args, 2))),
  },
  {
    name: 'kernel_page_present',
    parameters: [PAGE],
    returns: 'bool',
    summary: 'whether the direct map has the page',
    missing: kernelPagePresentMissing,
    run: (k, args) => bool(pat.kernel_page_present(k, number(args, 0))),
  },
  {
    name: 'kernel_map_pages_in_pgd',
    parameters: [
      { name: 'pgd', kind: 'page' },
      PAGE,
      ADDR,
      PAGES,
      { name: 'page_flags', kind: 'prot', default: 0 },
    ],
    returns: 'int',
    summary: 'maps pages under a top table of their own, as EFI does at boot',
    run: (k, args) =>
      pat.kernel_map_pages_in_pgd(
        k,
        number(args, 0) * 4096,
        number(args, 1),
        number(args, 2),
        number(args, 3),
        number(args, 4),
      ),
  },
  {
    name: 'kernel_unmap_pages_in_pgd',
    parameters: [{ name: 'pgd', kind: 'page' }, ADDR, PAGES],
    returns: 'int',
    summary: 'not present under that top table',
    run: (k, args) =>
      pat.kernel_unmap_pages_in_pgd(k, number(args, 0) * 4096, number(args, 1), number(args, 2)),
  },
  {
    name: 'flush_tlb_all',
    parameters: [],
    returns: 'void',
    summary: 'every CPU drops every translation',
    run: (k) => nothing(flush_tlb_all(k)),
  },
];
