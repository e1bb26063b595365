// S34, x86: the same, and the split hands "not present" down.
({ kernel: 'v7.2.13', ram: '2G' });

const page = alloc_pages(9);
expect(set_direct_map_valid_noflush(page, 512, 0), 0);
expect(set_direct_map_default_noflush(page + 5), 0);
expect(kernel_page_present(page + 5), 1);
expect(kernel_page_present(page + 6), 0);
