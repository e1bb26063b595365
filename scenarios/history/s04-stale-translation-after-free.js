// S4: __kernel_map_pages() of x86 flushes this CPU only (5.10
// arch/x86/mm/pat/set_memory.c:2223, the same in v7.2). CPU 1 has the
// page in its TLB; CPU 0 frees it; CPU 1 reads it and nobody notices.
// Breaks P9: a TLB says otherwise than the tables.
({
  kernel: 'v5.10.223',
  ram: '256M',
  cpus: 2,
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['x86_64 all'],
});

const page = alloc_pages(0);
cpu(1, () => {
  touch(page);
});
__free_pages(page, 0);
cpu(1, () => {
  touch(page);
}); // a use after free that passes
expect(touch(page), OOPS); // on CPU 0 it is caught
