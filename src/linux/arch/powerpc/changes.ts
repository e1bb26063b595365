/** What the powerpc kernels do differently from one another, beside the changes of the shared code. */

import type { Change } from '../../changes.ts';

export const POWERPC_CHANGES = {
  'ppc-set-memory': {
    effect: 'there are set_memory_*(), for whatever is in the kernel tables; before, stubs that return 0',
    subject: 'powerpc: Implement ARCH_HAS_SET_MEMORY',
    release: 'between v5.11 and v6.1',
  },
  'strict-kernel-rwx-64': {
    effect:
      'CONFIG_STRICT_KERNEL_RWX can be had on 64 bits: text and rodata become read-only, and the direct map is cut where they end; before, the leaves of the image stay writable and executable',
    release: 'between v5.11 and v6.1',
  },
  'radix-debug-pagealloc': {
    effect:
      'with debug_pagealloc a radix kernel maps memory by base pages and unmaps those that are free; before, large leaves and a __kernel_map_pages() that does nothing',
    subject: 'powerpc/64s: Add DEBUG_PAGEALLOC for radix',
    commit: '5e8b2c4dd3a0',
    release: 'v6.1',
  },
  'hash-kfence-base-pages': {
    effect:
      'a hash kernel with CONFIG_KFENCE=y maps memory by base pages and keeps the slot of each, whether KFENCE is on or not',
    release: 'between v5.11 and v6.1',
  },
  'hash-double-map': {
    effect:
      'mapping a mapped page, or unmapping an unmapped one, is left alone on a hash kernel; before, a BUG (and, mapping, a second hash entry)',
    subject: 'powerpc/64s: Allow double call of kernel_[un]map_linear_page()',
    commit: 'd7902d31cbc3',
    release: 'v6.1',
  },
  'radix-kfence-pool': {
    effect:
      'the pool of KFENCE is set aside before a radix kernel maps memory, and mapped by base pages; before, it lay in large leaves, none of which can be protected',
    subject: 'powerpc/64s/radix/kfence: map __kfence_pool at page granularity',
    commit: '353d7a84c214',
    release: 'v6.11, and stable kernels since',
  },
  'memory-block-size-early': {
    effect:
      'leaves may be as large as a memory block, which without a size from firmware is what all memory nodes are made of, 1G or less; before, 16M',
    release: 'between v6.1 and v6.12',
  },
  'kernel-map-pages-panics': {
    effect: '__kernel_map_pages() panics if the change fails; before, the error was dropped',
    release: 'between v6.1 and v6.12',
  },
  'ppc-set-memory-rox': {
    effect: 'set_memory_rox() makes one pass; before, set_memory_ro() and then set_memory_x()',
    release: 'between v6.1 and v6.12',
  },
  'remove-pmd-partial-silent': {
    effect:
      'the removal of a part of a 2M leaf does nothing in silence; before, it did nothing and warned once',
    release: 'between v6.1 and v6.12',
  },
  'hash-debug-pagealloc-fits': {
    effect:
      'debug_pagealloc is without effect on a hash kernel whose slots would take more than a quarter of the real mode area; before, boot panics where they have no room',
    subject: 'book3s64/hash: Disable debug_pagealloc if it requires more memory',
    commit: '47dd2e63d42a',
    release: 'v6.13',
  },
  'hash-kfence-early-pool': {
    effect:
      'a hash kernel maps memory by base pages if KFENCE is on at boot, whose pool has slots of its own; before, if it was built in',
    subject: 'book3s64/hash: Add kfence functionality',
    commit: '8fec58f503b2',
    release: 'v6.13',
  },
} as const satisfies Record<string, Change>;

export type PowerpcChange = keyof typeof POWERPC_CHANGES;

/** Which of them came with each preset. */
export const POWERPC_SINCE = {
  'v6.1.192': [
    'ppc-set-memory',
    'strict-kernel-rwx-64',
    'radix-debug-pagealloc',
    'hash-kfence-base-pages',
    'hash-double-map',
    'radix-kfence-pool',
  ],
  'v6.12.107': [
    'memory-block-size-early',
    'kernel-map-pages-panics',
    'ppc-set-memory-rox',
    'remove-pmd-partial-silent',
  ],
  'v7.2.13': ['hash-debug-pagealloc-fits', 'hash-kfence-early-pool'],
} as const satisfies Readonly<Record<string, readonly PowerpcChange[]>>;
