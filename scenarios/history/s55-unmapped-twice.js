// S55: what bringing memory online does in which order. x86: added
// (present), mapped, freed and with that unmapped. Without the mapping
// (before cd02cf1aceea, "mm/hotplug: fix an imbalance with
// DEBUG_PAGEALLOC", v5.2) a page that is present is unmapped just as
// well.
({
  kernel: 'v7.2.13',
  ram: [
    ['0x0', '0x7ffffff'],
    ['0x10000000', '0x13ffffff'],
  ],
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['x86_64 all', 'x86_64 v5.10~online-maps-first v7.2~online-maps-first'],
});

expect(add_memory(0x8000, 32768), 0);
expect(copy_from_kernel_nofault(page_address(0x8005)), 0);
expect(online_pages(0x8000), 0);
expect(copy_from_kernel_nofault(page_address(0x8005)), -EFAULT);
