// S1: one page of a 1G leaf goes and comes back. Two tables are paid for
// the going, none for the coming back, and the large leaves do not return.
({ kernel: 'v7.2.13', ram: '4G' });

const page = alloc_pages(0);
expect(set_direct_map_invalid_noflush(page), 0);
flush_tlb_all();
fail_every_alloc();
expect(set_direct_map_default_noflush(page), 0);
touch(page);
