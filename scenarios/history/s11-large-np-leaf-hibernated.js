// S11, Rick Edgecombe and Mike Rapoport, Oct 2020: a driver has made an
// aligned 2M of its own memory not present. Hibernation has no page for
// the split and reads what it could not map. v5.10 says nothing before
// the oops, v5.11 to v7.2 "Failed to remap page", once: 2abf962a8d42
// ("PM: hibernate: make direct map manipulations more explicit").
// Breaks P1: a page is read that is not present.
({ kernel: 'v7.2.13', ram: '2G', runs_on: ['x86_64 all'] });

const page = alloc_pages(9);
expect(set_memory_np(page_address(page), 512), 0);
expect(saveable_page(page + 5), 1);
fail_every_alloc();
expect(hibernate(), OOPS);
