// S52, Hyper-V with a virtual top of memory, since 0f34d11234868
// ("x86/hyperv: Mark CoCo VM pages not present when changing encrypted
// state", v6.9): the pages are not present while they change, so that a
// load_unaligned_zeropad() from beside them faults. The host refuses:
// they are put back, in one piece, and nobody needs a page table for it.
({
  kernel: 'v7.2.13',
  ram: '2G',
  features: { vtom: true, encryption_bit: 46 },
  runs_on: ['x86_64 v6.12'],
});

const page = alloc_pages(9);
fail_every_alloc();
expect(set_memory_decrypted(page_address(page), 512), -ENOMEM);
expect(kernel_page_present(page + 5), 1);
expect(host_can_read(page + 5), 0);
