// Rick Edgecombe, 26 Oct 2020: CPA drops its lock for DEBUG_PAGEALLOC,
// which "expects to never have to break a page". If it has to after all,
// with memory to be had: v7.2's split_large_page() releases cpa_lock,
// which was never taken, and takes it for good. The next one to ask for
// it spins. A v7.2.13 built with DEBUG_PAGEALLOC, driven so, did each of
// these steps.
({ kernel: 'v7.2.13', ram: '1G', config: { DEBUG_PAGEALLOC: 'y' }, boot: 'debug_pagealloc=on' });

const page = alloc_pages(9);
const addr = page_address(page);
expect(set_memory_rox(addr, 512), 0); // one 2M leaf
expect(set_memory_nx(addr, 512), 0);
expect(set_memory_rw(addr, 512), 0);
__free_pages(page, 9); // large and not present

__kernel_map_pages(page + 5, 1, 1); // as alloc_pages() would for one page of it
touch(page + 5);
const other = alloc_pages(0);
expect(set_memory_ro(page_address(other), 1), OOPS);
