// S50: SLUB reads the next pointer of an object whose page another CPU
// has freed meanwhile, and debug_pagealloc unmapped. It asks for a read
// that survives, and what it reads is thrown away (mm/slub.c:292 of
// v5.10). Safe.
({
  kernel: 'v7.2.13',
  ram: '256M',
  cpus: 2,
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['x86_64 all', 'arm64 all'],
});

const slab = alloc_pages(0);
cpu(1, () => {
  __free_pages(slab, 0);
});
get_freepointer_safe(slab);
