// S10: can hibernation's unmapping fail after the copy, so that the page
// stays mapped? Not on x86: the mapping has left a 4K entry or has not
// worked, so that nothing remains to be split, and nobody asks for
// memory. It would be warned about once and flushed anyway
// (kernel/power/snapshot.c: 100 of v7.2). The copy takes RW too, and it
// allocates in the snapshot, as S12. Breaks P4 and P10.
({ kernel: 'v7.2.13', ram: '2G', runs_on: ['x86_64 all'] });

const page = alloc_pages(9);
expect(set_memory_np(page_address(page), 512), 0);
syscore_suspend();
fail_alloc(2, 3, 4); // the first is for the mapping
safe_copy_page(page + 5);
syscore_resume();
expect(kernel_page_present(page + 5), 0);
fail_every_alloc();
expect(set_direct_map_default_noflush(page + 6), 0); // all of it is 4K now
