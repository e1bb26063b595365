// S37, powerpc with the hash table, v5.10: memory is added in a hole
// below the end of boot's. Adding it bolts its pages and notes their
// slots, for what is below that end has slots
// (arch/powerpc/mm/book3s64/hash_utils.c:328); bringing it online maps
// them again: BUG. So the mapping that mends S55 kills here. Derived;
// d7902d31cbc3 ("powerpc/64s: Allow double call of
// kernel_[un]map_linear_page()") in v6.1 is the end of it.
({
  kernel: 'v5.10.223',
  arch: 'ppc64',
  ram: [
    ['0x0', '0xfffffff'],
    ['0x20000000', '0x2fffffff'],
  ],
  features: { radix: false },
  config: { DEBUG_PAGEALLOC: 'y', STRICT_KERNEL_RWX: 'n' },
  boot: 'debug_pagealloc=on',
  runs_on: ['ppc64 v5.11 v6.1~hash-double-map'],
});

expect(add_memory(0x10000, 4096), 0);
expect(online_pages(0x10000), OOPS);
