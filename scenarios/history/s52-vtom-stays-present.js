// S52, before v6.9: the pages are present all the time.
({ kernel: 'v6.12~vtom-not-present', ram: '2G', features: { vtom: true, encryption_bit: 46 } });

const page = alloc_pages(9);
fail_every_alloc();
expect(set_memory_decrypted(page_address(page), 512), -ENOMEM);
expect(kernel_page_present(page + 5), 1);
