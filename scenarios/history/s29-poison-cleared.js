// S29, since v5.19: clear_mce_nospec() sets P.
({ kernel: 'v7.2.13', ram: '2G', runs_on: ['x86_64 v6.1 v6.12'] });

const page = alloc_pages(0);
expect(uc_decode_notifier(page), 0);
expect(kernel_page_present(page), 0);
hwpoison_clear(page);
expect(kernel_page_present(page), 1);
write_page(page);
