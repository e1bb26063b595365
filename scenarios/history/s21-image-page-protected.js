// S21, with memory: the stray write is caught.
({
  kernel: 'v7.2.13',
  ram: '2G',
  boot: 'hibernate=protect_image',
  runs_on: ['x86_64 all', 'riscv64 v6.12 v7.2'],
});

expect(snapshot_write_next(1), 0);
expect(write_page(image_page(0)), OOPS); // caught
