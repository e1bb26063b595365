/** What the s390 kernels do differently from one another, beside the changes of the shared code. */

import type { Change } from '../../changes.ts';

export const S390_CHANGES = {
  'set-memory-4k': {
    effect: 'SET_MEMORY_4K splits every large leaf of a range',
    release: 'between v5.11 and v6.1',
  },
  'lowcore-split-later': {
    effect:
      'the kernel maps address 0 by a large leaf, and splits the pages of the lowcore off with set_memory_4k(); before, no large leaf began at 0',
    release: 'between v5.11 and v6.1',
  },
  'lowcore-noexec-with-bear': {
    effect: 'the first page is executable only on a machine without the BEAR facility; before, always',
    release: 'between v5.11 and v6.1',
  },
  'kfence-split-mapping': {
    effect:
      'mem_init() maps the pages of the pool of KFENCE by 4K entries; with KFENCE configured and off there is no pool, and it does so to the pages from address 0 on',
    release: 'between v5.11 and v6.1',
  },
  'decompressor-maps': {
    effect:
      'the decompressor builds the direct map, without regard for debug_pagealloc, which the kernel makes up for by __set_memory_4k() over all of it; the lowcore is mapped first and not counted, and the kernel image has a mapping of its own; before, the kernel built the map, and the image was in it',
    release: 'between v6.1 and v6.12',
  },
  'page-tables-whole-pages': {
    effect: 'each page table has a page of its own; before, two shared one, and every other cost no page',
    release: 'between v6.1 and v6.12',
  },
  'no-modules-end-check': {
    effect:
      '__set_memory() works on any address; before, a range that reached the end of the module area was -EINVAL',
    release: 'between v6.1 and v6.12',
  },
  'cpa-alias': {
    effect:
      'RO and RW of memory from vmalloc() go to the pages in the direct map too; before, to the given addresses only',
    release: 'between v6.1 and v6.12',
  },
  'set-direct-map': {
    effect: 'set_direct_map_*() exist, by SET_MEMORY_INV and SET_MEMORY_DEF; before, they did nothing',
    release: 'between v6.1 and v6.12',
  },
  'region3-bits-as-segment': {
    effect: 'a leaf of 2G keeps "read" and "write" where one of 1M does; before, the other way round',
    release: 'between v6.1 and v6.12',
  },
  'segment-present-bit': {
    effect:
      'large leaves and the entries above have a software bit "present", without which a leaf is not taken for one; "read", "write" and soft-dirty moved for it',
    release: 'between v6.12 and v7.2',
  },
  'decompressor-page-tables-whole-pages': {
    effect: 'the page tables of the decompressor have a page each; before, two shared one',
    release: 'between v6.12 and v7.2',
  },
  'set-pte-clears-unused': {
    effect: 'set_pte() of a present entry clears the bit _PAGE_UNUSED',
    release: 'between v6.12 and v7.2',
  },
  'zero-pages-read-only': {
    effect: 'the zero pages come from memblock, and are made read-only',
    release: 'between v6.12 and v7.2',
  },
  'kfence-splits-in-init-pool': {
    effect:
      'the pool of KFENCE is mapped by 4K entries when it is made ready, late or not; before, in mem_init() only',
    subject: 's390/kfence: Split kfence pool into 4k mappings in arch_kfence_init_pool()',
    commit: 'caa3cd5ccd01',
    release: 'v6.15',
  },
  'hot-remove-splits-2g': {
    effect:
      'memory that is removed is taken out of a leaf of 2G after a split, whether that worked or not; before, it stayed mapped',
    release: 'between v6.12 and v7.2',
  },
  'hot-remove-frees-boot-tables': {
    effect: 'tables that boot took from memblock are freed when they map nothing; before, kept',
    release: 'between v6.12 and v7.2',
  },
} as const satisfies Record<string, Change>;

export type S390Change = keyof typeof S390_CHANGES;

/** Which of them came with each preset. */
export const S390_SINCE: Readonly<Record<string, readonly S390Change[]>> = {
  'v6.1.192': ['set-memory-4k', 'lowcore-split-later', 'lowcore-noexec-with-bear', 'kfence-split-mapping'],
  'v6.12.107': [
    'decompressor-maps',
    'page-tables-whole-pages',
    'no-modules-end-check',
    'cpa-alias',
    'set-direct-map',
    'region3-bits-as-segment',
  ],
  'v7.2.13': [
    'segment-present-bit',
    'decompressor-page-tables-whole-pages',
    'set-pte-clears-unused',
    'zero-pages-read-only',
    'kfence-splits-in-init-pool',
    'hot-remove-splits-2g',
    'hot-remove-frees-boot-tables',
  ],
};
