// S16, Mike Rapoport, 28 Oct 2020: "restore crahsed nicely". After a
// resume with init_on_free, clear_or_poison_free_pages() writes every
// free page, and under debug_pagealloc none of them is present. Not
// fixed by the series; still so in v7.2 (kernel/power/snapshot.c:1194).
// Breaks P1: free pages are written that are not present.
({
  kernel: 'v7.2.13',
  ram: '256M',
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on init_on_free=1',
  runs_on: ['x86_64 all', 'x86_64 v6.1 v6.12 v7.2: debug_pagealloc=on page_poison=1', 'arm64 all'],
});

const page = alloc_pages(0);
write_page(page);
__free_pages(page, 0);
expect(hibernate(1), OOPS);
