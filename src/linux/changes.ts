/**
 * Every named behaviour difference between the modelled kernels, each a switch of its own: here those of the shared
 * code, in each architecture's folder its own.
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
      'hibernation maps a not-present page with set_direct_map_default_noflush() and looks at the error; before, with the void kernel_map_pages()',
    subject: 'PM: hibernate: make direct map manipulations more explicit',
    commit: '2abf962a8d42',
    release: 'v5.11',
  },
  'hibernate-warns-once': {
    effect:
      'hibernation says once that a page could not be mapped; v1 to v3 of the series of 2020 had a WARN_ON()',
    subject: 'PM: hibernate: make direct map manipulations more explicit (v4)',
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
  'online-maps-first': {
    effect:
      'memory that is brought online is mapped before it is freed, which under debug_pagealloc unmaps it; before, it was unmapped twice the second time',
    subject: 'mm/hotplug: fix an imbalance with DEBUG_PAGEALLOC',
    commit: 'cd02cf1aceea',
    release: 'v5.2',
  },
  'online-tests-the-key': {
    effect:
      'memory that is brought online is mapped only if debug_pagealloc is on; before, whenever it was compiled in',
    subject: 'mm, hotplug: fix page online with DEBUG_PAGEALLOC compiled but not enabled',
    commit: 'c87cbc1f007c',
    release: 'v5.6',
  },
  'slub-freepointer-nofault': {
    effect:
      'under debug_pagealloc SLUB reads the pointer to the next free object so that a fault does no harm; before, as any memory',
    subject: 'slub: fix memory corruption/oops with CONFIG_DEBUG_PAGEALLOC',
    release: 'before v5.10',
  },
  'kasan-before-unmap': {
    effect:
      'KASAN writes the tags of a page that is freed before debug_pagealloc unmaps it; before, after, which kills the machine',
    subject: 'kasan, mm: fix crash with HW_TAGS and DEBUG_PAGEALLOC',
    commit: 'f9d79e8dce40',
    release: 'v5.12',
  },
  kfence: {
    effect: 'KFENCE keeps a pool of pages of which some are out of the direct map',
    subject: 'mm: add Kernel Electric-Fence infrastructure',
    commit: '0ce20dd84089',
    release: 'v5.12',
  },
  'kfence-late': {
    effect:
      'KFENCE can be turned on while the system runs: its pool is of the page allocator then, and not reserved; before, only at boot',
    subject: 'kfence: allow re-enabling KFENCE after system startup',
    release: 'v5.18',
  },
  secretmem: {
    effect: 'memfd_secret() takes its pages out of the direct map',
    subject: 'mm: introduce memfd_secret system call to create "secret" memory areas',
    commit: '1507f51255c9',
    release: 'v5.14',
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
  'page-range-refuses-leaves': {
    effect:
      'apply_to_page_range() warns once and returns -EINVAL at a leaf above the PTEs, and clears an entry that is neither leaf nor table; before, BUG at a leaf with CONFIG_HUGETLB_PAGE=y, and without it memory taken for a table',
    subject: 'mm: apply_to_pte_range warn and fail if a large pte is encountered',
    release: 'v5.13',
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
  'memblock-frees-late': {
    effect:
      'memblock_free() gives pages to the page allocator once there is one; before, it only forgot that they were taken, and they were lost',
    release: 'between v6.12 and v7.2',
  },
  'set-direct-map-valid': {
    effect: 'set_direct_map_valid_noflush() maps or unmaps several pages in one call',
    subject: 'arch: introduce set_direct_map_valid_noflush()',
    release: 'v6.13',
  },
  'execmem-rox-cache-np': {
    effect:
      "execmem's cache takes its areas out of the direct map, by large leaves; v6.13 had it and was released with the cache disabled on x86",
    subject: 'execmem: add support for cache of large ROX pages',
    release: 'v6.13-rc1; undone before v6.16',
  },
  'execmem-rox-cache': {
    effect:
      'execmem cuts executable memory from a cache of large read-only areas, which stay in the direct map; before, every allocation was an area of its own (v6.13 took the cached areas out of the direct map, and x86 was released with that disabled)',
    subject: "execmem: don't remove ROX cache from the direct map",
    commit: '925f42645118',
    release: 'between v6.12 and v7.2',
  },
  'module-memory-types': {
    effect:
      'a module has an area for each type of its memory; before, one with text, read-only data, data that becomes read-only after init, and the rest',
    subject: 'module: replace module_layout with module_memory',
    commit: 'ac3b43283923',
    release: 'v6.4',
  },
  'module-errors-honoured': {
    effect:
      'a module is not loaded if its memory cannot be made read-only or (not) executable; before, nobody looked',
    subject: "module: Don't ignore errors from set_memory_XX()",
    commit: 'd1909c022173',
    release: 'v6.9',
  },
  'module-ro-after-init-warns': {
    effect:
      'a module whose data cannot be made read-only after its init stays, with a line in the log; since v6.9 it was freed, although its init had run',
    subject: "module: Don't fail module loading when setting ro_after_init section RO failed",
    commit: '110b1e070f1d',
    release: 'v6.14, and stable kernels since',
  },
  'bpf-trampoline-ro': {
    effect:
      'a BPF trampoline is read-only before it is executable; before, writable and executable all its life',
    release: 'between v5.11 and v6.1',
  },
  'bpf-prog-lock-checked': {
    effect:
      'an interpreted BPF program that cannot be made read-only is not loaded; before, it stayed writable',
    subject: 'bpf: Take return from set_memory_ro() into account with bpf_prog_lock_ro()',
    commit: '7d2cc63eca0c',
    release: 'v6.10, and stable kernels since',
  },
  'bpf-jit-lock-checked': {
    effect:
      'compiled BPF programs, packs and trampolines that cannot be made read-only and executable are not used; before, nobody looked',
    subject: 'bpf: Take return from set_memory_rox() into account with bpf_jit_binary_lock_ro()',
    commit: 'e60adf513275',
    release: 'v6.10',
  },
  'bpf-prog-pack': {
    effect: 'compiled BPF programs share areas of 2M; before, each had pages of its own',
    subject: 'bpf: Introduce bpf_prog_pack allocator',
    commit: '57631054fae6',
    release: 'v5.18',
  },
  'slab-gone': {
    effect: 'there is no SLAB allocator',
    subject: 'mm/slab: remove CONFIG_SLAB from all Kconfig and Makefile',
    commit: '2a19be61a651',
    release: 'v6.8',
  },
  'hibernate-protect-honoured': {
    effect:
      'with hibernate=protect_image an image is not loaded if one of its pages cannot be made read-only; before, nobody looked',
    subject: "PM: hibernate: Don't ignore return from set_memory_ro()",
    commit: 'f4311756a83f',
    release: 'v6.9',
  },
  'dma-leaks-on-error': {
    effect:
      'memory for devices of which it is not known whether the host can read it is lost; before, it was freed',
    subject: 'dma-direct: Leak pages on dma_set_decrypted() failure',
    commit: 'b9fa16949d18',
    release: 'v6.9',
  },
} as const satisfies Record<string, Change>;

/** A change of the shared code. */
export type ChangeName = keyof typeof CHANGES;

/** Which changes a kernel has: a plain object, so that a test of one is a property read. */
export type ChangeSet<Name extends string = ChangeName> = Readonly<Record<Name, boolean>>;

/** Whether a kernel has a change of whatever architecture: for code that is about one change and knows no architecture. */
export function hasChange(has: ChangeSet, name: string): boolean {
  return (has as Readonly<Record<string, boolean>>)[name] === true;
}

/** The set of `names` out of all that there are. */
export function changeSet(all: Iterable<string>, names: ReadonlySet<string>): ChangeSet {
  const set: Record<string, boolean> = {};
  for (const name of all) set[name] = names.has(name);
  return Object.freeze(set) as ChangeSet;
}
