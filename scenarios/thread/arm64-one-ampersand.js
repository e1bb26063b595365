// Rick Edgecombe, 28 Oct 2020, and seven mails about one `&&` (26 Oct to
// 1 Nov): with v1 and v2 of the series, arm64 with debug_pagealloc and
// without rodata=full unmaps a page that
// set_direct_map_default_noflush() then declines to map: it returns 0
// and does nothing. With v3 it is mapped: --kernel v5.10+series-v3 meets
// all but the last two lines.
// Breaks P1 and P2: 0 was returned, and the page is not there.
({
  kernel: 'v5.10+series-v1',
  arch: 'arm64',
  ram: '256M',
  boot: 'rodata=off debug_pagealloc=on',
  config: { DEBUG_PAGEALLOC: 'y' },
  runs_on: ['arm64 v5.10+series-v2'],
});

const page = alloc_pages(0);
__kernel_map_pages(page, 1, 0);
expect(set_direct_map_default_noflush(page), 0);
expect(kernel_page_present(page), 0);
expect(touch(page), OOPS);
