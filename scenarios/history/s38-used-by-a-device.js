// S38, without that luck: the memory comes back as a device's
// (ZONE_DEVICE), which nobody brings online. Its driver writes to it,
// and it is not present. Derived. Breaks P1: a page is written that is
// not present.
({
  kernel: 'v7.2.13',
  ram: [
    ['0x0', '0x7ffffff'],
    ['0x10000000', '0x13ffffff'],
  ],
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['x86_64 all'],
});

expect(add_memory(0x8000, 32768), 0);
write_page(0x8005);
expect(online_pages(0x8000), 0);
expect(offline_pages(0x8000), 0);
expect(remove_memory(0x8000), 0);
expect(add_memory(0x8000, 32768), 0);
expect(write_page(0x8005), OOPS);
