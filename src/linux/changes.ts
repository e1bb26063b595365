/**
 * Every named behaviour difference between the modelled kernels, each a switch of its own.
 *
 * `release` is the first mainline release with the change, or the span of modelled releases in which it appeared
 * when the commit has not been identified. Stable kernels may carry a change earlier.
 */

export interface Change {
  /** What the kernel does with the change, and what it did before. */
  effect: string;
  /** The commit's subject, where it has been identified. */
  subject?: string;
  /** Abbreviated commit id, where known. */
  commit?: string;
  release: string;
}

export const CHANGES = {
  'debug-pagealloc-helpers': {
    effect:
      'the page allocator maps and unmaps pages through debug_pagealloc_{map,unmap}_pages(), which test the static key themselves; before, kernel_map_pages() served hibernation too',
    subject: 'mm: introduce debug_pagealloc_{map,unmap}_pages() helpers',
    commit: '77bc7fd607de',
    release: 'v5.11',
  },
  'hibernate-explicit-map': {
    effect:
      'hibernation maps a not-present page with set_direct_map_default_noflush() and warns once on an error; before, with the void kernel_map_pages()',
    subject: 'PM: hibernate: make direct map manipulations more explicit',
    commit: '2abf962a8d42',
    release: 'v5.11',
  },
  'kernel-map-pages-debug-only': {
    effect: '__kernel_map_pages() exists only with CONFIG_DEBUG_PAGEALLOC; before, always',
    subject: 'arch, mm: restore dependency of __kernel_map_pages() on DEBUG_PAGEALLOC',
    commit: '5d6ad668f316',
    release: 'v5.11',
  },
  'kernel-page-present-always': {
    effect: 'kernel_page_present() exists always; before, only with CONFIG_HIBERNATION',
    subject: 'arch, mm: make kernel_page_present() always available',
    commit: '32a0de886eb3',
    release: 'v5.11',
  },
  'vmstat-splits': {
    effect: 'splits of the direct map are counted in /proc/vmstat once the system runs',
    subject: 'x86/mm: Tracking linear mapping split events',
    release: 'v5.13',
  },
  secretmem: {
    effect: 'memfd_secret() takes its pages out of the direct map',
    subject: 'mm: introduce memfd_secret system call to create "secret" memory areas',
    commit: '1507f51255c9',
    release: 'v5.14',
  },
  'mce-nospec-unmaps': {
    effect:
      'set_mce_nospec() always unmaps and clear_mce_nospec() sets P; before, the caller chose between unmapping and UC, and clear_mce_nospec() only restored WB',
    subject: 'mce: fix set_mce_nospec to always unmap the whole page',
    commit: '5898b43af954',
    release: 'v5.19',
  },
  'cpa-verify-rwx': {
    effect:
      'a change to writable and executable is looked for, and warned about; the result is never altered',
    subject: 'x86/mm: Refuse W^X violations',
    commit: '652c5bf380ad',
    release: 'v6.1',
  },
  'no-set-pages-array-wt': {
    effect: 'set_pages_array_wt() is gone',
    release: 'between v5.11 and v6.1',
  },
  'top-down-clamped': {
    effect:
      'memory_map_top_down() without a free aligned 2M block starts from the end of memory, rounded down; before, from the first 2M',
    release: 'between v5.11 and v6.1',
  },
  'brk-tables-for-5-levels': {
    effect:
      'the early page-table buffer holds 8 pages, or 16 with KASLR, if 5-level paging is configured; before, 6 or 12',
    release: 'between v5.11 and v6.1',
  },
  'secretmem-default-before-free': {
    effect:
      'a secretmem fault that loses the race for its offset maps its page again before giving it back; before, after, when somebody else may have it',
    subject: 'mm/secretmem: fix use-after-free race in fault handler',
    release: 'v6.18, and stable kernels since',
  },
  'hibernate-poisons-free-pages': {
    effect:
      'after a resume free pages are overwritten with page_poison=1 as well as with init_on_free=1; before, with init_on_free=1 only',
    release: 'between v5.11 and v6.1',
  },
  'huge-vmalloc': {
    effect: 'vmalloc areas that ask for it (VM_ALLOW_HUGE_VMAP) are mapped by 2M leaves; before, by 4K only',
    release: 'between v5.11 and v6.1',
  },
  'cpa-primary-argument': {
    effect:
      '__change_page_attr_set_clr() is told whether it works on the primary address, and CPA_NO_CHECK_ALIAS alone suppresses aliases; before, one argument meant both, so set_direct_map_*() and others ignored addresses without an entry',
    subject: 'x86/mm: Untangle __change_page_attr_set_clr(.checkalias)',
    commit: 'ef9ab81af6e1',
    release: 'v6.2',
  },
  'cpa-alias-ignores-nx': {
    effect:
      'the alias walk never changes NX, and a change of NX alone walks the aliases all the same; before, a change of NX alone skipped the aliases, and a mixed change carried NX to them',
    subject: 'x86/mm: Inhibit _PAGE_NX changes from cpa_process_alias()',
    commit: 'd597416683d5',
    release: 'v6.2',
  },
  'cpa-empty-masks-return': {
    effect: '__change_page_attr_set_clr() with nothing to set, clear or split returns at once',
    subject: 'x86/mm: Inhibit _PAGE_NX changes from cpa_process_alias()',
    commit: 'd597416683d5',
    release: 'v6.2',
  },
  'set-memory-rox': {
    effect: 'set_memory_rox() clears RW and NX in one pass; before, x86 had none of its own',
    subject: 'x86/mm: Implement native set_memory_rox()',
    commit: '60463628c9e0',
    release: 'v6.2',
  },
  'page-checks-optional': {
    effect:
      'struct pages are checked on alloc and free only if a debugging or hardening option asks for it; before, always',
    subject: 'mm, page_alloc: reduce page alloc/free sanity checks',
    commit: '700d2e9a36b9',
    release: 'v6.3',
  },
  'secretmem-default-on': {
    effect: 'memfd_secret() works unless secretmem.enable=0; before, only with secretmem.enable=1',
    subject: 'mm/secretmem: make it on by default',
    release: 'v6.5',
  },
  'verify-rwx-in-boot': {
    effect: 'W^X is looked for while the system boots too',
    release: 'between v6.1 and v6.12',
  },
  'lookup-level-of-none': {
    effect:
      'lookup_address() reports the level of the entry that was none; before, the level above it or none',
    release: 'between v6.1 and v6.12',
  },
  'leaf-test-pse-only': {
    effect: 'a PUD with PSE is a leaf, present or not; before, only with P',
    release: 'between v6.1 and v6.12',
  },
  'e820-keeps-acpi': {
    effect: 'building the direct map leaves trailing entries over ACPI tables alone; before, it zeroed them',
    release: 'between v6.1 and v6.12',
  },
  'ro-clears-dirty': {
    effect: 'set_memory_ro() clears D as well as RW',
    subject: 'x86/mm: Remove _PAGE_DIRTY from kernel RO pages',
    release: 'v6.6',
  },
  'np-clears-dirty': {
    effect: '__set_pages_np() clears D as well as P and RW',
    subject: 'x86/mm: Remove _PAGE_DIRTY from kernel RO pages',
    release: 'v6.6',
  },
  'set-memory-p-public': {
    effect: 'set_memory_p() takes an address and can be called from outside of its file',
    subject: 'x86/mm: Regularize set_memory_p() parameters and make non-static',
    commit: '030ad7af9437',
    release: 'v6.9',
  },
  'set-direct-map-valid': {
    effect: 'set_direct_map_valid_noflush() maps or unmaps several pages in one call',
    subject: 'arch: introduce set_direct_map_valid_noflush()',
    release: 'v6.13',
  },
  'execmem-rox-cache': {
    effect:
      'execmem cuts executable memory from a cache of large read-only areas, which stay in the direct map; before, every allocation was an area of its own (v6.13 took the cached areas out of the direct map, and x86 was released with that disabled)',
    subject: "execmem: don't remove ROX cache from the direct map",
    commit: '925f42645118',
    release: 'between v6.12 and v7.2',
  },
  'cpa-collapse': {
    effect: 'set_memory_rox() restores large leaves from tables of equal leaves',
    subject: 'x86/mm/pat: restore large ROX pages after fragmentation',
    commit: '41d88484c71c',
    release: 'v6.15',
  },
  'vmstat-collapses': {
    effect: 'collapses of the direct map are counted in /proc/vmstat',
    subject: 'x86/mm/pat: restore large ROX pages after fragmentation',
    commit: '41d88484c71c',
    release: 'v6.15',
  },
  'kernel-4k-marks': {
    effect:
      'set_memory_4k() marks the entries it touches with a software bit, which keeps them from being collapsed',
    release: 'between v6.12 and v7.2',
  },
  'cpa-lock-exempts-pagealloc-only': {
    effect: 'with debug_pagealloc only __kernel_map_pages() goes without cpa_lock; before, every caller did',
    release: 'between v6.12 and v7.2',
  },
  'cpa-mmap-lock': {
    effect: 'change_page_attr_set_clr() holds the mmap lock of init_mm for reading, collapse for writing',
    release: 'between v6.12 and v7.2',
  },
  'split-ptdesc': {
    effect:
      'a split allocates with pte_alloc_one_kernel(): zeroed, with a constructor, counted; before, a plain page',
    release: 'between v6.12 and v7.2',
  },
  'e820-no-reserved-kern': {
    effect: 'there is no E820_TYPE_RESERVED_KERN',
    release: 'between v6.12 and v7.2',
  },
  'brk-tables-8': {
    effect: 'the early page-table buffer holds 8 pages, or 16 with KASLR, in every configuration',
    release: 'between v6.12 and v7.2',
  },
  'memtype-erase-exact': {
    effect:
      'giving back a memory type finds only a range reserved just so; before, one that ended there too was cut short',
    release: 'between v6.12 and v7.2',
  },
  'pfn-pte-warns-dirty-ro': {
    effect: 'making an entry that is dirty and not writable is warned about, once',
    release: 'between v6.12 and v7.2',
  },
  'no-set-memory-prot': {
    effect: '__set_memory_prot() is gone',
    release: 'between v6.12 and v7.2',
  },
  'lookup-rw-normalised': {
    effect:
      'lookup_address_in_pgd_attr() computes the effective RW bit as meant, so that W^X violations are reported; before, a bool was AND-ed with 2 and was always false',
    release: 'after v7.2.13; seen in the 6.12.117 tree',
  },
} as const satisfies Record<string, Change>;

export type ChangeName = keyof typeof CHANGES;

export const CHANGE_NAMES = Object.keys(CHANGES) as ChangeName[];

/** Which changes a kernel has: a plain object, so that a test of one is a property read. */
export type ChangeSet = Readonly<Record<ChangeName, boolean>>;

export function changeSet(names: Iterable<ChangeName>): ChangeSet {
  const set = Object.fromEntries(CHANGE_NAMES.map((name) => [name, false])) as Record<ChangeName, boolean>;
  for (const name of names) set[name] = true;
  return Object.freeze(set);
}
