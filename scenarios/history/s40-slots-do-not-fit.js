// S40, powerpc with the hash table, since v6.13: the slots of all pages
// would take more than a quarter of the real mode area. The map is by
// large pages, debug_pagealloc is "on" for everybody who asks, and a
// page that is freed stays mapped. 47dd2e63d42a ("book3s64/hash: Disable
// debug_pagealloc if it requires more memory") in v6.13; before, boot
// panics.
({
  kernel: 'v7.2.13',
  arch: 'ppc64',
  ram: '2G',
  features: { radix: false, rma_size: 1048576 },
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
});

const page = alloc_pages(0);
__free_pages(page, 0);
touch(page); // a use after free that passes
