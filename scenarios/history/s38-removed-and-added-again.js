// S38, x86 under debug_pagealloc: memory that is removed has all of its
// pages not present, and removal skips entries that are not
// (arch/x86/mm/init_64.c: 1119 of v7.2). They and their tables are left
// behind. When the memory comes back they are used as they are, and only
// that bringing it online maps pages makes them present: safe, by luck.
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
expect(online_pages(0x8000), 0);
expect(offline_pages(0x8000), 0);
expect(remove_memory(0x8000), 0);
expect(add_memory(0x8000, 32768), 0);
expect(copy_from_kernel_nofault(page_address(0x8005)), -EFAULT); // as it was left
expect(online_pages(0x8000), 0);
