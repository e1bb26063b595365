/** Where kernels do not keep a rule: what they do instead, and why. Nothing here is for the model's sake. */

import { hasChange } from '../../src/linux/changes.ts';
import type { Case } from './machines.ts';

export interface Skip {
  /** A rule's sentence. */
  readonly rule: string;
  /** What of it is excused, in the rule's words. */
  readonly what: RegExp;
  readonly reason: string;
  /** On which machines; on all if not given. Of each kernel's machines it must excuse something on one. */
  on?(wanted: Case): boolean;
}

const fullSize = ({ index_bits }: Case) => index_bits === undefined;
const small = (wanted: Case) => !fullSize(wanted);
const debugs = ({ variant }: Case) => variant.boot.includes('debug_pagealloc=on');
const has = (change: string) => (wanted: Case) => hasChange(wanted.version.has, change);
const lacks = (change: string) => (wanted: Case) => !has(change)(wanted);

/** By architecture. */
export const SKIPS: Readonly<Record<string, readonly Skip[]>> = {
  x86_64: [
    {
      rule: 'what is not RAM is not in the direct map',
      what: /^pfn \d+ is mapped$/,
      reason:
        'init_mem_mapping() maps all below ISA_END_ADDRESS, 1M, whatever is there (arch/x86/mm/init.c:770 of v7.2)',
    },
    {
      rule: 'the counters are what the tables hold after boot',
      what: /counted/,
      reason: 'a leaf is counted again by each pass of boot that meets it, see docs/counters.md',
    },
    {
      rule: 'no edit changes which frame an entry names',
      what: /^__set_memory_prot\(page, 1, 0\)/,
      reason:
        'with no bits at all pfn_pte() does not invert the frame, and pte_pfn() does, for what is not present (asm/pgtable-invert.h)',
      on: lacks('no-set-memory-prot'),
    },
    {
      rule: 'a refused allocation is -ENOMEM, and harms nobody else',
      what: /^set_pages_array_\w+\(page\): returned -22 /,
      reason: '_set_pages_array() returns -EINVAL for whatever error (mm/pat/set_memory.c)',
    },
  ],
  riscv64: [
    {
      rule: 'a machine that has booted runs, and holds no lock',
      what: /debug_pagealloc has unmapped 0x\w+, which is in use/,
      reason: 'before set-memory-splits debug_pagealloc unmaps whole leaves, those of the kernel too',
      on: (wanted) => fullSize(wanted) && debugs(wanted) && lacks('set-memory-splits')(wanted),
    },
    {
      rule: 'every page of RAM has the entry of its own frame in the direct map',
      what: /^pfn 524288 is mapped by nothing$/,
      reason: 'before linear-map-by-chunks the direct map begins with the kernel, above the firmware',
      on: (wanted) => fullSize(wanted) && lacks('linear-map-by-chunks')(wanted),
    },
    {
      rule: 'page_address() and the ranges agree on where the direct map lies',
      what: /^RAM at 0x\w+ is outside of/,
      reason: 'before linear-map-by-chunks the direct map begins with the kernel, above the firmware',
      on: (wanted) => fullSize(wanted) && lacks('linear-map-by-chunks')(wanted),
    },
    {
      rule: 'kernel_page_present() says what a walk finds',
      what: /it says false, and a walk says true$/,
      reason: 'before present-tests-leaves it takes the memory behind a large leaf for a table',
      on: (wanted) => has('kernel-page-present-always')(wanted) && lacks('present-tests-leaves')(wanted),
    },
    {
      rule: 'kernel_page_present() says what a walk finds',
      what: /it says true, and a walk says false$/,
      reason:
        'a page that was taken out has _PAGE_PROT_NONE instead of V, which pte_present() takes for present',
      on: has('set-memory-splits'),
    },
    ...[
      'an edit leaves the pages alone that it was not asked about',
      'a refused allocation is -ENOMEM, and harms nobody else',
    ].map((rule) => ({
      rule,
      what: /^(set_memory_\w+|__kernel_map_pages)\(page, 1(, \d)?\): page\+/,
      reason: 'before set-memory-splits a call changes every leaf that it touches as a whole',
      on: lacks('set-memory-splits'),
    })),
  ],
  s390x: [
    {
      rule: 'a machine that has booted runs, and holds no lock',
      what: /^not modelled: __kernel_map_pages\(\) without a page table/,
      reason:
        'set_memory_4k() of all memory ends at its first hole, nobody looks at the error, and __kernel_map_pages() does not look for leaves',
      on: (wanted) => small(wanted) && debugs(wanted) && has('decompressor-maps')(wanted),
    },
    {
      rule: 'the counters are what the tables hold after boot',
      what: /counted/,
      reason:
        'the decompressor counts neither the lowcore nor the image mapping, and splits of both are counted',
      on: (wanted) => fullSize(wanted) && has('decompressor-maps')(wanted),
    },
  ],
  loongarch64: [
    {
      rule: 'what is not RAM is not in the direct map',
      what: /^pfn \d+ is mapped$/,
      reason: 'the direct map is a window of the CPU, of all physical addresses',
    },
    {
      rule: 'page_address() and the ranges agree on where the direct map lies',
      what: /is outside of the kernel's/,
      reason: 'the window is none of what page tables map',
    },
  ],
  ppc64: [
    {
      rule: 'vfree() leaves no leaf of vmalloc() behind',
      what: /not modelled/,
      reason: 'on a hash MMU vmalloc has Linux page tables, which are not the hash table',
      on: ({ variant }) => variant.features?.radix === false,
    },
  ],
};
