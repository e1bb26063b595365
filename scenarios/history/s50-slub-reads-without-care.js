// S50, as it would be without that: an oops in the allocator. "slub: fix
// memory corruption/oops with CONFIG_DEBUG_PAGEALLOC".
// Breaks P1: a page is read that is not present.
({
  kernel: 'v7.2.13~slub-freepointer-nofault',
  ram: '256M',
  cpus: 2,
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: [
    'x86_64 v5.10~slub-freepointer-nofault v6.1~slub-freepointer-nofault',
    'arm64 v6.1~slub-freepointer-nofault',
  ],
});

const slab = alloc_pages(0);
cpu(1, () => {
  __free_pages(slab, 0);
});
expect(get_freepointer_safe(slab), OOPS);
