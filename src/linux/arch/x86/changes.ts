/** What the x86 kernels do differently from one another, beside the changes of the shared code. */

import type { Change } from '../../changes.ts';

export const X86_CHANGES = {
  'vmstat-splits': {
    effect: 'splits of the direct map are counted in /proc/vmstat once the system runs',
    subject: 'x86/mm: Tracking linear mapping split events',
    release: 'v5.13',
  },
  'mce-nospec-unmaps': {
    effect:
      'set_mce_nospec() always unmaps and clear_mce_nospec() sets P; before, the caller chose between unmapping and UC, and clear_mce_nospec() only restored WB',
    subject: 'mce: fix set_mce_nospec to always unmap the whole page',
    commit: '5898b43af954',
    release: 'v5.19',
  },
  'hot-remove-trusts-alignment': {
    effect:
      'memory that is removed is taken to be whole leaves: of a part of a 1G leaf, what lies behind the leaf is taken for a table; before, the leaf stayed',
    release: 'between v5.11 and v6.1',
  },
  'kexec-control-rox': {
    effect:
      'the page from which kexec jumps to the next kernel is read-only while it waits; before, writable',
    release: 'between v6.12 and v7.2',
  },
  'kexec-dm-crypt-keys': {
    effect: 'keys of encrypted disks that are kept for a crash kernel are taken out of the direct map',
    release: 'v6.16',
  },
  'guest-hooks': {
    effect:
      'what runs under the kernel is told of every conversion of memory, so that guests of TDX exist; before, entries alone',
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
  'bpf-trampoline-pack': {
    effect: 'a trampoline of BPF lies in a pack, read-only from the start; before, it had a page of its own',
    release: 'between v6.1 and v6.12',
  },
  'vtom-not-present': {
    effect:
      'a guest of Hyper-V takes pages out of the direct map while they change between private and shared; before, they stayed',
    subject: 'x86/hyperv: Mark CoCo VM pages not present when changing encrypted state',
    release: 'v6.9',
  },
  'conversion-failure-warns': {
    effect:
      'a host that fails to convert pages is warned about once, and its error returned; before, -EIO without a word',
    release: 'between v6.1 and v6.12',
  },
  'snp-host': {
    effect: 'the kernel can give pages to SEV-SNP guests',
    release: 'between v6.1 and v6.12',
  },
  'snp-adjusts-direct-map': {
    effect:
      "a leaf of the direct map is split before one of its pages becomes a guest's alone; without it, a write beside the page kills the host",
    subject: 'x86/sev: Adjust the directmap to avoid inadvertent RMP faults',
    commit: '661b1c6169e2',
    release: 'v6.9',
  },
  'lookup-rw-normalised': {
    effect:
      'lookup_address_in_pgd_attr() computes the effective RW bit as meant, so that W^X violations are reported; before, a bool was AND-ed with 2 and was always false',
    release: 'after v7.2.13; seen in the 6.12.117 tree',
  },
} as const satisfies Record<string, Change>;

export type X86Change = keyof typeof X86_CHANGES;

/** Which of them came with each preset. */
export const X86_SINCE = {
  'v6.1.192': [
    'vmstat-splits',
    'mce-nospec-unmaps',
    'hot-remove-trusts-alignment',
    'guest-hooks',
    'cpa-verify-rwx',
    'no-set-pages-array-wt',
    'top-down-clamped',
    'brk-tables-for-5-levels',
  ],
  'v6.12.107': [
    'cpa-primary-argument',
    'cpa-alias-ignores-nx',
    'cpa-empty-masks-return',
    'verify-rwx-in-boot',
    'lookup-level-of-none',
    'leaf-test-pse-only',
    'e820-keeps-acpi',
    'ro-clears-dirty',
    'np-clears-dirty',
    'set-memory-p-public',
    'bpf-trampoline-pack',
    'vtom-not-present',
    'conversion-failure-warns',
    'snp-host',
    'snp-adjusts-direct-map',
  ],
  'v7.2.13': [
    'cpa-collapse',
    'vmstat-collapses',
    'kernel-4k-marks',
    'cpa-lock-exempts-pagealloc-only',
    'cpa-mmap-lock',
    'split-ptdesc',
    'e820-no-reserved-kern',
    'brk-tables-8',
    'memtype-erase-exact',
    'pfn-pte-warns-dirty-ro',
    'no-set-memory-prot',
    'kexec-control-rox',
    'kexec-dm-crypt-keys',
  ],
} as const satisfies Readonly<Record<string, readonly X86Change[]>>;
