// S46, since then.
({ kernel: 'v7.2.13', arch: 'arm64', ram: '2G', features: { bbml2: true } });

const page = alloc_pages(9);
expect(set_direct_map_valid_noflush(page, 512, 0), 0);
expect(kernel_page_present(page + 5), 0);
expect(set_direct_map_valid_noflush(page, 512, 1), 0);
expect(kernel_page_present(page + 5), 1);
write_page(page);
