// S22: with debug_pagealloc every caller of CPA goes without cpa_lock up
// to v6.12, not only the page allocator. Here the image mapping, which
// does have large leaves, is split under no lock at all. Whether two
// CPUs can hurt each other needs their interleavings; this shows what
// they would interleave.
({
  kernel: 'v6.12.107',
  ram: '256M',
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['x86_64 all'],
});

const text = text_page();
expect(set_memory_4k(image_address(text), 1), 0);
