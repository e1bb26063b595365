// Rick Edgecombe, 26 Oct 2020: DEBUG_PAGEALLOC "expects to never have to
// break a page", and CPA drops its lock because of it.
// With debug_pagealloc=on boot maps RAM by 4K entries only, so that no
// edit meets a large leaf: nothing to split, nothing to allocate.
({
  kernel: 'v5.10.223',
  ram: '256M',
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['x86_64 all'],
});

const page = alloc_pages(9);
fail_every_alloc();
expect(set_memory_np(page_address(page), 512), 0);
expect(set_direct_map_default_noflush(page + 5), 0);
expect(kernel_page_present(page + 5), 1);
touch(page + 5);
__kernel_map_pages(page, 512, 1);
touch(page + 6);
__free_pages(page, 9);
expect(kernel_page_present(page + 5), 0);
expect(touch(page + 5), OOPS); // use after free, caught
