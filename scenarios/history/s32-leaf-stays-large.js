// S32, s390, since v6.12's time: boot maps by large leaves and splits
// them for debug_pagealloc afterwards, without a look at the result.
// Boot is refused no memory here; what a refusal leaves is a leaf of 1M,
// and what the page allocator then does to it is done here by hand:
// nothing is unmapped, and the memory at the start of the megabyte is
// overwritten. Derived.
({
  kernel: 'v7.2.13',
  arch: 's390x',
  ram: '3G',
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=off',
  runs_on: ['s390x v6.12'],
});

const page = alloc_pages(8);
fail_every_alloc();
expect(set_memory_4k(page_address(page), 256), -ENOMEM); // as at boot
__kernel_map_pages(page + 5, 1, 0); // as __free_pages() would
expect(copy_from_kernel_nofault(page_address(page + 5)), 0);
