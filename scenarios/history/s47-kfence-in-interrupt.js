// S47: nor for KFENCE, whose calls come with interrupts off: its pool
// was split by pages when it was made, and what lies in it goes round
// the mutex.
({
  kernel: 'v7.2.13',
  arch: 'arm64',
  ram: '2G',
  features: { bbml2: true },
  config: { DEBUG_ATOMIC_SLEEP: 'y' },
});

expect(kfence_enable_late(1), 0);
fail_every_alloc();
local_irq_disable();
const object = __kfence_alloc();
__kfence_free(object);
local_irq_enable();
expect(kernel_page_present(kfence_pool_page(2)), 0);
