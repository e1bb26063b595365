// S55, powerpc with the hash table, since v6.1: in whatever order.
({
  kernel: 'v7.2.13',
  arch: 'ppc64',
  ram: [
    ['0x0', '0xfffffff'],
    ['0x20000000', '0x2fffffff'],
  ],
  features: { radix: false },
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['ppc64 v6.1 v6.12', 'ppc64 v7.2~online-maps-first'],
});

expect(add_memory(0x10000, 4096), 0);
expect(online_pages(0x10000), 0);
expect(offline_pages(0x10000), 0);
expect(online_pages(0x10000), 0);
expect(copy_from_kernel_nofault(page_address(0x10005)), -EFAULT);
