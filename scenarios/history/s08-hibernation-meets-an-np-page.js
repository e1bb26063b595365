// S8: hibernation copies an allocated page that is not present, as SLAB
// leaves its free objects under debug_pagealloc (until v6.7). Map, copy,
// unmap: no memory is needed, and every version works.
({
  kernel: 'v5.11',
  ram: '256M',
  config: { DEBUG_PAGEALLOC: 'y', SLAB: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['x86_64 v5.10 v6.1'],
});

const cache = kmem_cache_create(1);
const object = kmem_cache_alloc(cache);
expect(kmem_cache_free(cache, object), 0);
expect(kernel_page_present(object), 0);
expect(saveable_page(object), 1);
fail_every_alloc();
expect(hibernate(), 0);
expect(kernel_page_present(object), 0);
expect(kmem_cache_alloc(cache), object);
write_page(object);
