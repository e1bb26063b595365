// S26: the cache of executable memory gets no large page, falls back to
// single ones, and set_memory_rox() gets no table for the second leaf of
// their aliases. The area is freed without VM_FLUSH_RESET_PERMS: what
// was made read-only in the direct map by then is free, and read-only.
// Its next owner dies writing it. Derived from the source; not seen on a
// real kernel.
// Breaks P1 and P8: free pages are read-only.
({ kernel: 'v7.2.13', ram: '2G' });

fail_alloc(1, 519); // the large page; then, after 512 pages, 4 tables and one split, the second split
execmem_alloc(1);
const page = alloc_pages(0);
expect(write_page(page), OOPS);
