// S4, elsewhere: s390 (IPTE), powerpc radix (tlbie) and riscv (v6.10 and
// stable trees since) flush every CPU when the page allocator unmaps a
// page, so that the other CPU is caught as well. arm64 flushes every CPU
// too.
// Breaks P9 on riscv: kernel_page_present() says 1 of a page without V.
({
  kernel: 'v7.2.13',
  arch: 's390x',
  ram: '256M',
  cpus: 2,
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['s390x all', 'arm64 all', 'riscv64 v6.12 v7.2'],
});

const page = alloc_pages(0);
cpu(1, () => {
  touch(page);
});
__free_pages(page, 0);
cpu(1, () => {
  expect(touch(page), OOPS); // caught
});
