// S2: whoever made a 4K entry not present, mapping it again asks for no
// page. The two ways to unmap differ in what they leave: set_memory_np()
// keeps RW, set_direct_map_invalid_noflush() does not.
({ kernel: 'v6.12.107', ram: '2G', runs_on: ['x86_64 all'] });

const page = alloc_pages(2);
expect(set_memory_np(page_address(page), 1), 0);
expect(set_direct_map_invalid_noflush(page + 1), 0);
expect(set_mce_nospec(page + 2), 0);
fail_every_alloc();
expect(set_direct_map_default_noflush(page), 0);
expect(set_direct_map_default_noflush(page + 1), 0);
expect(set_direct_map_default_noflush(page + 2), 0);
write_page(page);
write_page(page + 1);
write_page(page + 2);
