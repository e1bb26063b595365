// S43, sparc64: the page allocator's unmapping flushes the TSB, which
// all CPUs share, and the TLB of this CPU alone
// (arch/sparc/mm/init_64.c:1906 of v5.10; a cross call might deadlock):
// CPU 1, which has the page in its TLB, reads it after it was freed, and
// nobody notices.
// Breaks P9: a TLB says otherwise than the tables.
({
  kernel: 'v5.10.223',
  arch: 'sparc64',
  ram: '256M',
  cpus: 2,
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['sparc64 all'],
});

const page = alloc_pages(0);
cpu(1, () => {
  touch(page);
});
__free_pages(page, 0);
cpu(1, () => {
  touch(page);
}); // a use after free that passes
expect(touch(page), OOPS); // on CPU 0 it is caught
