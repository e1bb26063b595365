// S22: two callers split the same leaf of the kernel's image mapping at
// once, without cpa_lock up to v6.12. Both have allocated; the second
// finds it split when it has pgd_lock and gives its table back
// (__split_large_page(), 5.10 arch/x86/mm/pat/set_memory.c:960). Safe.
({
  kernel: 'v6.12.107',
  ram: '256M',
  cpus: 2,
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['x86_64 all'],
});

const addr = image_address(text_page());
interleave(
  '0*2 1*2 0*2 1*2',
  () => {
    expect(set_memory_4k(addr, 1), 0);
  },
  () => {
    expect(set_memory_4k(addr + PAGE_SIZE, 1), 0);
  },
);
