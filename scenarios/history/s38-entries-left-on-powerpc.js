// S38, powerpc with radix tables: removal skips what is not present, as
// on x86 (arch/powerpc/mm/book3s64/radix_pgtable.c:800 of v7.2), so that
// the tables are left behind: when the memory comes back none is asked
// for. But its entries are written anew, and present.
({
  kernel: 'v7.2.13',
  arch: 'ppc64',
  ram: [
    ['0x0', '0xfffffff'],
    ['0x20000000', '0x2fffffff'],
  ],
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['ppc64 v6.1 v6.12'],
});

expect(add_memory(0x10000, 4096), 0);
expect(online_pages(0x10000), 0);
expect(offline_pages(0x10000), 0);
expect(remove_memory(0x10000), 0);
fail_every_alloc();
expect(add_memory(0x10000, 4096), 0);
write_page(0x10005);
