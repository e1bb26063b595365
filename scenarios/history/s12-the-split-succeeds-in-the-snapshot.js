// S12: as S11, and there is memory for the split. The copy works, but
// takes a page from the allocator in the middle of the snapshot: what
// was saved of the free lists before and after it disagrees. Every call
// returns 0; S18 is what came of it. Breaks P4 and P10: a snapshot that
// allocates, and leaves the pages without RW.
({ kernel: 'v7.2.13', ram: '2G', runs_on: ['x86_64 all'] });

const page = alloc_pages(9);
expect(set_memory_np(page_address(page), 512), 0);
expect(hibernate(), 0);
expect(kernel_page_present(page + 5), 0);
fail_every_alloc();
expect(set_direct_map_default_noflush(page + 5), 0); // it has been split
