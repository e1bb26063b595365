// S44, riscv until v6.10: __kernel_map_pages() takes the mmap lock of
// init_mm, which sleeps, and pages are freed in interrupts too. Here the
// map is by pages already; the other half of the trouble, large leaves
// that were edited as a whole, let no kernel boot with
// debug_pagealloc=on at all. fb1cf0878328 ("riscv: rewrite
// __kernel_map_pages() to fix sleeping in invalid context") in v6.10.
// Breaks P5 and P9: it sleeps with interrupts off, and
// kernel_page_present() says 1 of a page without V.
({
  kernel: 'v6.12~kernel-map-pages-atomic',
  arch: 'riscv64',
  ram: '256M',
  config: { DEBUG_PAGEALLOC: 'y', DEBUG_ATOMIC_SLEEP: 'y' },
  boot: 'debug_pagealloc=on',
});

const page = alloc_pages(9);
local_irq_disable();
__free_pages(page, 9);
local_irq_enable();
