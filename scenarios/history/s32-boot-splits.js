// S32, with memory: by 4K all over, and the page is gone when it is
// freed.
({
  kernel: 'v7.2.13',
  arch: 's390x',
  ram: '1G',
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['s390x all'],
});

const page = alloc_pages(8);
write_page(page + 5);
__free_pages(page, 8);
expect(copy_from_kernel_nofault(page_address(page + 5)), -EFAULT);
