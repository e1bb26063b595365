// S4: __kernel_map_pages() flushes this CPU only. CPU 1 has the page in its
// TLB; CPU 0 frees it; CPU 1 reads it and nobody notices.
({ kernel: 'v5.10.223', ram: '256M', cpus: 2, config: { DEBUG_PAGEALLOC: 'y' }, boot: 'debug_pagealloc=on' });

const page = alloc_pages(0);
cpu(1, () => {
  touch(page);
});
__free_pages(page, 0);
cpu(1, () => {
  touch(page);
}); // a use after free that passes
expect(touch(page), OOPS); // on CPU 0 it is caught
