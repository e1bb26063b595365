// S8: hibernation copies an allocated page that is not present, as SLAB
// leaves its free objects under debug_pagealloc (until v6.7). Map, copy,
// unmap: no memory is needed, and every version works.
({ kernel: 'v5.11', ram: '256M', config: { DEBUG_PAGEALLOC: 'y', SLAB: 'y' }, boot: 'debug_pagealloc=on' });

const page = alloc_pages(0);
__kernel_map_pages(page, 1, 0);
expect(saveable_page(page), 1);
syscore_suspend();
fail_every_alloc();
safe_copy_page(page);
syscore_resume();
expect(kernel_page_present(page), 0);
