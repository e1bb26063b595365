// Rick Edgecombe, 26 Oct 2020: the series adds a warning, but "it will
// still try to read the unmapped page". v5.11 = v5.10 and the four
// patches, nothing else: one line is printed, once, and then the same
// oops. Breaks P1: a page is read that is not present.
({ kernel: 'v5.11', ram: '2G', runs_on: ['x86_64 v6.1 v6.12 v7.2'] });

const page = alloc_pages(9);
expect(set_memory_np(page_address(page), 512), 0);
expect(saveable_page(page + 5), 1);
syscore_suspend();
fail_every_alloc();
expect(safe_copy_page(page + 5), OOPS);
