// Rick Edgecombe, 26 Oct 2020: "If a page is 4k and NP it cannot fail to
// be remapped."
// The page is made not present while there is memory, and mapped again
// while every allocation is refused.
({ kernel: 'v5.10.223', ram: '4G', runs_on: ['x86_64 all'] });

const page = alloc_pages(0);
expect(set_direct_map_invalid_noflush(page), 0); // splits 1G, then 2M
fail_every_alloc();
expect(set_direct_map_default_noflush(page), 0);
expect(kernel_page_present(page), 1);
touch(page);
