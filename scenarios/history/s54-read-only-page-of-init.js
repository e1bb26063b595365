// S54, x86 without debug_pagealloc: free_init_pages() makes init memory
// not executable, then writable, and looks at neither result
// (arch/x86/mm/init.c:933 of v7.2). Boot has memory enough; if it had
// not, and the page were read-only in a large leaf, its next owner would
// die. free_init_pages() is done by hand on a page that is. Derived.
// Breaks P1 and P8: a free page is read-only.
({ kernel: 'v7.2.13', ram: '2G', runs_on: ['x86_64 all'] });

const page = alloc_pages(9);
expect(set_memory_ro(page_address(page), 512), 0); // one leaf
fail_every_alloc();
expect(set_memory_nx(page_address(page), 1), 0); // is so already
expect(set_memory_rw(page_address(page), 1), -ENOMEM);
__free_pages(page, 9);
expect(write_page(page), OOPS);
