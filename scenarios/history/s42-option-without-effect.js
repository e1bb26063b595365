// S42, powerpc with radix tables until v6.1: debug_pagealloc=on is
// accepted, the map stays large, and __kernel_map_pages() is that of the
// hash table, which has no slots: a page that is freed stays mapped.
// 5e8b2c4dd3a0 ("powerpc/64s: Add DEBUG_PAGEALLOC for radix") in v6.1.
({
  kernel: 'v5.10.223',
  arch: 'ppc64',
  ram: '2G',
  config: { DEBUG_PAGEALLOC: 'y', STRICT_KERNEL_RWX: 'n' },
  boot: 'debug_pagealloc=on',
  runs_on: ['ppc64 v5.11 v6.1~radix-debug-pagealloc'],
});

const page = alloc_pages(0);
__free_pages(page, 0);
touch(page); // a use after free that passes
