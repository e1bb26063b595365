// S36, s390 until v5.6: with CONFIG_DEBUG_PAGEALLOC=y and debug_pagealloc off
// the map is by large leaves, and bringing memory online calls
// kernel_map_pages() without asking. The memory of the leaf is taken for a
// page table. c87cbc1f007c ("mm, hotplug: fix page online with
// DEBUG_PAGEALLOC compiled but not enabled") in v5.6. The call that forgot
// to ask is made by hand here; so is its counterpart.
({
  kernel: 'v5.10.223',
  arch: 's390x',
  ram: '1G',
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=off',
  runs_on: ['s390x all'],
});

const page = alloc_pages(8);
__kernel_map_pages(page + 5, 1, 1);
__kernel_map_pages(page + 5, 1, 0);
expect(copy_from_kernel_nofault(page_address(page + 5)), 0); // not unmapped
