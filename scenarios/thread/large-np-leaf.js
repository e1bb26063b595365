// Rick Edgecombe, 26 Oct 2020: "a new caller to set_memory_np() could
// result in large NP pages."
// What if one page of such a leaf must be mapped again, and there is no
// memory for a page table?
({ kernel: 'v5.10.223', ram: '2G' });

const page = alloc_pages(9); // 512 pages, one 2M leaf, ours
expect(set_memory_np(page_address(page), 512), 0);
fail_alloc(1); // the next allocation is refused
expect(set_direct_map_default_noflush(page + 5), -ENOMEM);
expect(touch(page + 5), OOPS); // what safe_copy_page() would do next
