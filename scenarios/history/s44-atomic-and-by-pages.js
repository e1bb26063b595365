// S44, since v6.10. Breaks P9: kernel_page_present() says 1 of a page
// without V.
({
  kernel: 'v6.12.107',
  arch: 'riscv64',
  ram: '256M',
  config: { DEBUG_PAGEALLOC: 'y', DEBUG_ATOMIC_SLEEP: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['riscv64 v7.2'],
});

const page = alloc_pages(9);
local_irq_disable();
__kernel_map_pages(page + 5, 1, 0);
local_irq_enable();
write_page(page + 6);
expect(touch(page + 5), OOPS); // caught
