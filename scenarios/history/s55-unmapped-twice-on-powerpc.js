// S55, powerpc with the hash table, before cd02cf1aceea ("mm/hotplug:
// fix an imbalance with DEBUG_PAGEALLOC", v5.2): memory whose free pages
// are unmapped goes offline and comes back, and is unmapped again as it
// is freed: BUG. So it must be mapped first.
({
  kernel: 'v5.10~online-maps-first',
  arch: 'ppc64',
  ram: [
    ['0x0', '0xfffffff'],
    ['0x20000000', '0x2fffffff'],
  ],
  features: { radix: false },
  config: { DEBUG_PAGEALLOC: 'y', STRICT_KERNEL_RWX: 'n' },
  boot: 'debug_pagealloc=on',
});

expect(add_memory(0x10000, 4096), 0);
expect(online_pages(0x10000), 0);
expect(offline_pages(0x10000), 0);
expect(online_pages(0x10000), OOPS);
