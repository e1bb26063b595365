// S29, v5.10: persistent memory with a poisoned page is written anew,
// and the driver gives the page back by clear_mce_nospec(), which sets
// the memory type and not P. The page stays not present, and the next
// access dies. 5898b43af954 ("mce: fix set_mce_nospec to always unmap
// the whole page") in v5.19. Breaks P1 and P2: 0 was returned, and the
// page is not there.
({ kernel: 'v5.10.223', ram: '2G', runs_on: ['x86_64 v5.11', 'x86_64 v6.1~mce-nospec-unmaps'] });

const page = alloc_pages(0);
expect(uc_decode_notifier(page), 0);
expect(kernel_page_present(page), 0);
hwpoison_clear(page);
expect(clear_mce_nospec(page), 0); // what it has called
expect(write_page(page), OOPS);
