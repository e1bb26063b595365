// S36, s390 until v5.6: with CONFIG_DEBUG_PAGEALLOC=y and
// debug_pagealloc off the map is by large leaves, and bringing memory
// online calls kernel_map_pages() without asking. The memory of each
// leaf is taken for a page table. c87cbc1f007c ("mm, hotplug: fix page
// online with DEBUG_PAGEALLOC compiled but not enabled") in v5.6. The
// damage is in the data of the first 2K of each megabyte, and none is in
// the map.
({
  kernel: 'v5.10~online-tests-the-key',
  arch: 's390x',
  ram: [
    ['0x0', '0x3fffffff'],
    ['0x50000000', '0x7fffffff'],
  ],
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=off',
});

expect(add_memory(0x40000, 65536), 0);
expect(online_pages(0x40000), 0);
__kernel_map_pages(0x40005, 1, 0); // what it would take to be unmapped
expect(copy_from_kernel_nofault(page_address(0x40005)), 0);
