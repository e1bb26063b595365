// S16: not if the image is given up: free pages are cleared after a
// resume only (kernel/power/hibernate.c:365 of v7.2).
({
  kernel: 'v7.2.13',
  ram: '256M',
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on init_on_free=1',
  runs_on: ['x86_64 all', 'arm64 all'],
});

const page = alloc_pages(0);
__free_pages(page, 0);
expect(hibernate(), 0);
expect(kernel_page_present(page), 0);
