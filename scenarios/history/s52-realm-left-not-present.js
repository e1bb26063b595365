// S52, arm64 in a realm: the pages are made invalid and get the address
// of shared memory, the realm's monitor refuses, and that is how they
// stay. The caller gets the error and must leak them
// (arch/arm64/mm/pageattr.c:278 of v7.2). One that frees them kills the
// next owner, but exposes nothing.
// Breaks P1: a page just given out is not present.
({
  kernel: 'v7.2.13',
  arch: 'arm64',
  ram: '2G',
  features: { realm: true, rmm_refuses: true },
});

const page = alloc_pages(0);
expect(set_memory_decrypted(page_address(page), 1), -EINVAL);
expect(kernel_page_present(page), 0);
__free_pages(page, 0); // what must not be done
expect(write_page(alloc_pages(0)), OOPS);
