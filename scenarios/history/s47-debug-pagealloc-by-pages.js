// S47: under debug_pagealloc all is mapped by pages, BBML2 or not:
// nothing is split, and no mutex taken, with interrupts off.
({
  kernel: 'v7.2.13',
  arch: 'arm64',
  ram: '256M',
  features: { bbml2: true },
  config: { DEBUG_PAGEALLOC: 'y', DEBUG_ATOMIC_SLEEP: 'y' },
  boot: 'debug_pagealloc=on',
});

const page = alloc_pages(9);
fail_every_alloc();
local_irq_disable();
__free_pages(page, 9);
local_irq_enable();
expect(touch(page + 5), OOPS); // caught
