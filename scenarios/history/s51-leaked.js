// S51, since v6.9: the block is lost to everybody, whatever it is.
({
  kernel: 'v7.2.13',
  ram: '2G',
  features: { vtom: true, encryption_bit: 46 },
  runs_on: ['x86_64 v6.12'],
});

fail_alloc(4);
dma_direct_alloc(9);
const page = alloc_pages(9);
expect(host_can_read(page), 0);
write_page(page);
