// S48, until v5.12: the page allocator unmapped a page that is freed,
// and then KASAN wrote its tags, through the direct map. KASAN is not
// modelled: this is the order of the two, a write for the tags.
// f9d79e8dce40 ("kasan, mm: fix crash with HW_TAGS and DEBUG_PAGEALLOC")
// in v5.12.
// Breaks P1: a page is written that is not present.
({
  kernel: 'v5.10.223',
  arch: 'arm64',
  ram: '256M',
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['arm64 v5.11'],
});

const page = alloc_pages(0);
__kernel_map_pages(page, 1, 0);
expect(write_page(page), OOPS); // kasan_free_nondeferred_pages()
