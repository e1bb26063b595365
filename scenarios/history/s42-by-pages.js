// S42, since v6.1.
({
  kernel: 'v6.1.192',
  arch: 'ppc64',
  ram: '256M',
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['ppc64 v6.12 v7.2'],
});

const page = alloc_pages(0);
__free_pages(page, 0);
expect(touch(page), OOPS); // caught
