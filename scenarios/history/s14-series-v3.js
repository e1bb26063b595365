// S14, answered: since v3 of the series set_direct_map_*() of arm64 work
// under debug_pagealloc too. So does v5.10, whose hibernation still uses
// __kernel_map_pages() for the copy: it asks for either.
({
  kernel: 'v5.10+series-v3',
  arch: 'arm64',
  ram: '256M',
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'rodata=off debug_pagealloc=on',
  runs_on: ['arm64 v5.10 v5.10+series-v4 v5.11 v6.1 v6.12 v7.2'],
});

const page = alloc_pages(0);
__kernel_map_pages(page, 1, 0);
expect(kernel_page_present(page), 0);
syscore_suspend();
safe_copy_page(page);
syscore_resume();
expect(kernel_page_present(page), 0);
