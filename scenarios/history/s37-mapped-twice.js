// S37, powerpc with the hash table until v6.1: a page that is mapped is
// mapped again, as KFENCE does. A second entry goes into the hash table,
// and then the kernel notices: BUG. d7902d31cbc3 ("powerpc/64s: Allow
// double call of kernel_[un]map_linear_page()") in v6.1.
({
  kernel: 'v5.10.223',
  arch: 'ppc64',
  ram: '256M',
  features: { radix: false },
  config: { DEBUG_PAGEALLOC: 'y', STRICT_KERNEL_RWX: 'n' },
  boot: 'debug_pagealloc=on',
  runs_on: ['ppc64 v5.11 v6.1~hash-double-map'],
});

const page = alloc_pages(0);
expect(__kernel_map_pages(page, 1, 1), OOPS);
