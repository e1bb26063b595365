// S51, TDX: the entries say "shared" already when the host is asked, and
// stay so when it refuses: set_memory_decrypted() returns an error, and
// the page must not be freed.
({
  kernel: 'v7.2.13',
  ram: '2G',
  features: { tdx: true, encryption_bit: 47 },
  runs_on: ['x86_64 v6.1 v6.12'],
});

const page = alloc_pages(0);
fail_every_alloc();
expect(set_memory_decrypted(page_address(page), 1), -EIO);
expect(host_can_read(page), 0);
