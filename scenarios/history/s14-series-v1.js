// S14, Rick Edgecombe, 28 Oct 2020: with v1 and v2 of the series, arm64
// with debug_pagealloc and rodata=off unmaps a page that is freed, and
// hibernation cannot map it: set_direct_map_default_noflush() asks for
// rodata=full alone, returns 0 and does nothing. No WARN_ON() sees it,
// because nothing failed.
// Breaks P1 and P2: 0 was returned, and the page is not there.
({
  kernel: 'v5.10+series-v1',
  arch: 'arm64',
  ram: '256M',
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'rodata=off debug_pagealloc=on',
  runs_on: ['arm64 v5.10+series-v2'],
});

const page = alloc_pages(0);
__kernel_map_pages(page, 1, 0); // as when it is being freed
expect(kernel_page_present(page), 0);
expect(set_direct_map_default_noflush(page), 0);
expect(kernel_page_present(page), 0);
syscore_suspend();
expect(safe_copy_page(page), OOPS);
