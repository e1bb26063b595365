// Seven mails about one `&&` (26 Oct to 1 Nov 2020): with v1 and v2 of the
// series, arm64 with debug_pagealloc and without rodata_full unmaps a page
// that set_direct_map_default_noflush() then declines to map: it returns 0
// and does nothing.
// To be run when arm64 is modelled; until then directmap refuses to guess.
({
  kernel: 'v5.11',
  arch: 'arm64',
  ram: '2G',
  boot: 'rodata=off debug_pagealloc=on',
  config: { DEBUG_PAGEALLOC: 'y' },
});

const page = alloc_pages(0);
__kernel_map_pages(page, 1, 0);
expect(set_direct_map_default_noflush(page), 0);
expect(kernel_page_present(page), 1);
touch(page);
