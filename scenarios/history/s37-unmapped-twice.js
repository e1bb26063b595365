// S37: and unmapped twice, as when memory that is free goes offline and
// comes back: cd02cf1aceea ("mm/hotplug: fix an imbalance with
// DEBUG_PAGEALLOC") in v5.2 was about that BUG.
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
__kernel_map_pages(page, 1, 0);
expect(__kernel_map_pages(page, 1, 0), OOPS);
