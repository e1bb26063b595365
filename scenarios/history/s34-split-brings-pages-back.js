// S34, s390: 1M is taken out of the direct map in one piece, and then
// one page of it is put back. The split keeps "read-only" and
// "no-execute" of the leaf and forgets "invalid": all 256 pages are back
// (arch/s390/mm/pageattr.c:113 of v7.2). Nobody does it today. Derived.
// Breaks P6: a split changes presence.
({ kernel: 'v7.2.13', arch: 's390x', ram: '1G' });

const page = alloc_pages(8);
expect(set_direct_map_valid_noflush(page, 256, 0), 0);
expect(kernel_page_present(page + 6), 0);
expect(set_direct_map_default_noflush(page + 5), 0);
expect(kernel_page_present(page + 6), 1); // nobody asked for it
