// S38, s390: removal clears the entries, present or not.
({
  kernel: 'v7.2.13',
  arch: 's390x',
  ram: [
    ['0x0', '0xfffffff'],
    ['0x20000000', '0x2fffffff'],
  ],
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['s390x all'],
});

expect(add_memory(0x10000, 65536), 0);
expect(online_pages(0x10000), 0);
expect(offline_pages(0x10000), 0);
expect(remove_memory(0x10000), 0);
expect(add_memory(0x10000, 65536), 0);
write_page(0x10005);
