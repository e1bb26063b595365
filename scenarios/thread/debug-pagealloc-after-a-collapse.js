// Rick Edgecombe, 26 Oct 2020: DEBUG_PAGEALLOC "expects to never have to
// break a page". Boot still gives it 4K entries only. But since v6.15
// set_memory_rox() puts 512 equal ones together, and does not ask. No
// caller gives it 2M of the direct map today; kexec gives it one page. A
// v7.2.13 built with DEBUG_PAGEALLOC, driven so, did each of these
// steps.
// Breaks P1: a page is read that is not present.
({ kernel: 'v7.2.13', ram: '1G', config: { DEBUG_PAGEALLOC: 'y' }, boot: 'debug_pagealloc=on' });

const page = alloc_pages(9);
const addr = page_address(page);
expect(set_memory_rox(addr, 512), 0); // one 2M leaf
expect(set_memory_nx(addr, 512), 0);
expect(set_memory_rw(addr, 512), 0);
__free_pages(page, 9); // large and not present

fail_alloc(1);
__kernel_map_pages(page + 5, 1, 1); // as alloc_pages() would for one page of it
expect(touch(page + 5), OOPS);
