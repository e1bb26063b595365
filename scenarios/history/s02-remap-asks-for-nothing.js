// S2, Rick Edgecombe, 26 Oct 2020: "If a page is 4k and NP it cannot
// fail to be remapped." On every architecture that edits single pages:
// it returns 0, the page is there, and no page was asked for. arm64 is
// told rodata=full, without which its calls of v5.10 do nothing.
({
  kernel: 'v7.2.13',
  ram: '2G',
  runs_on: [
    'x86_64 all',
    'arm64 v5.10 v5.11 v6.1 v6.12: rodata=full',
    'arm64 v7.2',
    'riscv64 v6.1 v6.12 v7.2',
    's390x v6.12 v7.2',
  ],
});

const page = alloc_pages(0);
expect(set_direct_map_invalid_noflush(page), 0);
expect(copy_from_kernel_nofault(page_address(page)), -EFAULT);
fail_every_alloc();
expect(set_direct_map_default_noflush(page), 0);
expect(copy_from_kernel_nofault(page_address(page)), 0);
write_page(page);
