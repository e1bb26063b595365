// S3: the same, one CPU in the middle of the other: the pages are two
// owners', so that neither needs a lock, and nobody asks for a table.
({
  kernel: 'v7.2.13',
  ram: '256M',
  cpus: 2,
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['x86_64 all'],
});

const a = alloc_pages(3);
const b = alloc_pages(0);
interleave(
  '0*2 1*2 0*2 1*2 0*2',
  () => {
    write_page(a);
    __free_pages(a, 3);
  },
  () => {
    write_page(b);
    __free_pages(b, 0);
  },
);
expect(kernel_page_present(a + 7), 0);
expect(kernel_page_present(b), 0);
