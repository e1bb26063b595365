// S1: one page of a 1G leaf goes and comes back. Two tables are paid for
// the going, none for the coming back, and the large leaves do not
// return. x86 v5.10 to v7.2, arch/x86/mm/pat/set_memory.c:2705 and :2710
// (v7.2).
({ kernel: 'v7.2.13', ram: '4G', runs_on: ['x86_64 all'] });

const page = alloc_pages(0);
expect(set_direct_map_invalid_noflush(page), 0);
flush_tlb_all();
expect(kernel_page_present(page), 0);
fail_every_alloc();
expect(set_direct_map_default_noflush(page), 0);
expect(kernel_page_present(page), 1);
write_page(page);
