// S21b, loongarch: set_memory_ro() of an address in the direct map
// returns 0, and nothing is protected: the direct map is a window that
// no page table describes.
({
  kernel: 'v7.2.13',
  arch: 'loongarch64',
  ram: '2G',
  boot: 'hibernate=protect_image',
  runs_on: ['loongarch64 v6.12'],
});

expect(snapshot_write_next(1), 0);
const page = image_page(0);
write_page(page);
