// Mike Rapoport, 25 Oct 2020: __kernel_map_pages() is void, so "the
// failure will go unnoticed". v5.10: a driver leaves a not-present 2M
// leaf; hibernation copies one of its pages, with interrupts off, and
// there is no page for the split.
// Breaks P1: a page is read that is not present.
({ kernel: 'v5.10.223', ram: '2G' });

const page = alloc_pages(9);
expect(set_memory_np(page_address(page), 512), 0);
expect(saveable_page(page + 5), 1); // not reserved, so it will be saved
syscore_suspend();
fail_every_alloc();
expect(safe_copy_page(page + 5), OOPS); // and not a word before it
