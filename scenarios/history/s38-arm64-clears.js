// S38, arm64: removal clears the entries, present or not. Until v6.12's
// time it warns at each page that is not (arch/arm64/mm/mmu.c:1483 of
// v7.2).
({
  kernel: 'v7.2.13',
  arch: 'arm64',
  ram: [
    ['0x40000000', '0x47ffffff'],
    ['0x50000000', '0x53ffffff'],
  ],
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
});

expect(add_memory(0x48000, 32768), 0);
expect(online_pages(0x48000), 0);
expect(offline_pages(0x48000), 0);
expect(remove_memory(0x48000), 0);
expect(add_memory(0x48000, 32768), 0);
write_page(0x48005);
