/** What the riscv kernels do differently from one another, beside the changes of the shared code. */

import type { Change } from '../../changes.ts';

export const RISCV_CHANGES = {
  'kernel-outside-direct-map': {
    effect:
      'the kernel runs in a mapping of its own at the end of the address space, and its alias in the direct map is never executable; before, it ran in the direct map, which was executable until mark_rodata_ro()',
    subject: 'riscv: Move kernel mapping outside of linear mapping',
    commit: '2bfc6cd81bd1',
    release: 'v5.13',
  },
  'global-kernel-mappings': {
    effect: 'PAGE_KERNEL has G; before, it had not',
    release: 'between v5.11 and v6.1',
  },
  'prot-none-is-global': {
    effect:
      'an entry without V is taken for present if it has G (_PAGE_PROT_NONE), a PMD also if it is a leaf; before, if it had R',
    release: 'between v5.11 and v6.1',
  },
  'mem-parameter': {
    effect: 'mem= at boot limits the RAM that counts; before, it was not known',
    release: 'between v5.11 and v6.1',
  },
  'sv48-sv57': {
    effect: 'the deepest paging that the CPU has is used, up to 5 levels (Sv57); before, always 3 (Sv39)',
    release: 'between v5.11 and v6.1',
  },
  'page-offset-d8': {
    effect:
      'the direct map of Sv39 begins at 0xffffffd800000000 and has a quarter of the address space; before, at 0xffffffe000000000',
    subject: 'riscv: Move KASAN mapping next to the kernel mapping',
    commit: 'f7ae02333d13',
    release: 'v5.17',
  },
  'thead-memory-types': {
    effect: 'CPUs of T-Head get their own memory types in bits 63..60 of PTEs and PMDs',
    release: 'between v5.11 and v6.1',
  },
  'set-memory-splits': {
    effect:
      'set_memory_*() edit the direct-map alias too, and split the leaves there of which they do not edit all; set_direct_map_*() do the same. Before, a leaf was edited as a whole, no alias was, and set_direct_map_*() did nothing',
    subject: 'riscv: Fix set_memory_XX() and set_direct_map_XX() by splitting huge linear mappings',
    commit: '311cd2f6e253',
    release: 'v6.7, and stable kernels since',
  },
  'present-tests-leaves': {
    effect:
      'kernel_page_present() says true of a large leaf; before, it took the memory behind it for a table',
    release: 'v6.4, and stable kernels since',
  },
  'default-resets-exec': {
    effect: 'set_direct_map_default_noflush() takes X away; before, it left it',
    subject: 'riscv: Fix set_direct_map_default_noflush() to reset _PAGE_EXEC',
    release: 'v6.10, and stable kernels since',
  },
  'kernel-map-pages-atomic': {
    effect:
      '__kernel_map_pages() edits PTEs without a lock, and refuses large leaves with a warning; before, it took the mmap lock of init_mm, which sleeps, and edited large leaves as a whole',
    subject: 'riscv: rewrite __kernel_map_pages() to fix sleeping in invalid context',
    commit: 'fb1cf0878328',
    release: 'v6.10, and stable kernels since',
  },
  'page-offset-d6': {
    effect: 'the direct map of Sv39 begins at 0xffffffd600000000',
    release: 'between v6.1 and v6.12',
  },
  'linear-map-by-chunks': {
    effect:
      'the direct map starts with RAM and has the largest leaf that fits at each place, up to 512G with Sv57; before, it started with the kernel image, and had 2M leaves for a bank that is 2M-aligned at both ends, else 4K',
    subject: 'riscv: Use PUD/P4D/PGD pages for the linear mapping',
    commit: '3335068f8721',
    release: 'v6.4',
  },
  'satp-mode-parameters': {
    effect: 'no4lvl and no5lvl at boot limit the depth of paging',
    release: 'between v6.1 and v6.12',
  },
  'kfence-pool-at-boot': {
    effect:
      'KFENCE has its pool set aside before the direct map is built, and mapped by 4K; before, the 2M leaves of the pool were split when KFENCE started, which could fail',
    subject: 'riscv: Fix kfence now that the linear mapping can be backed by PUD/P4D/PGD',
    commit: '25abe0db9243',
    release: 'v6.5',
  },
  'kfence-local-flush': {
    effect: 'kfence_protect_page() flushes the local TLB only; before, every one',
    release: 'between v6.1 and v6.12',
  },
  'ranged-kernel-flush': {
    effect: 'flush_tlb_kernel_range() drops up to 64 pages one by one; before, it always dropped everything',
    release: 'between v6.1 and v6.12',
  },
  'riscv-huge-vmalloc': {
    effect: 'vmalloc areas may be mapped by 2M leaves (HAVE_ARCH_HUGE_VMALLOC)',
    release: 'between v6.1 and v6.12',
  },
  'memory-hotplug': {
    effect: 'memory can be added and removed while the kernel runs',
    release: 'between v6.1 and v6.12',
  },
  'debug-pagealloc-forces-pages': {
    effect: 'debug_pagealloc=on maps all by 4K; before, large leaves stayed',
    subject: 'riscv: force PAGE_SIZE linear mapping if debug_pagealloc is enabled',
    commit: 'c67ddf59ac44',
    release: 'v6.10',
  },
  'riscv-hibernation': {
    effect: 'the machine can hibernate',
    release: 'v6.4',
  },
} as const satisfies Record<string, Change>;

export type RiscvChange = keyof typeof RISCV_CHANGES;

/** Which of them came with each preset. */
export const RISCV_SINCE = {
  'v6.1.192': [
    'kernel-outside-direct-map',
    'global-kernel-mappings',
    'prot-none-is-global',
    'mem-parameter',
    'sv48-sv57',
    'page-offset-d8',
    'thead-memory-types',
    'set-memory-splits',
    'present-tests-leaves',
    'default-resets-exec',
    'kernel-map-pages-atomic',
  ],
  'v6.12.107': [
    'riscv-hibernation',
    'page-offset-d6',
    'linear-map-by-chunks',
    'satp-mode-parameters',
    'kfence-pool-at-boot',
    'kfence-local-flush',
    'ranged-kernel-flush',
    'riscv-huge-vmalloc',
    'memory-hotplug',
    'debug-pagealloc-forces-pages',
  ],
} as const satisfies Readonly<Record<string, readonly RiscvChange[]>>;
