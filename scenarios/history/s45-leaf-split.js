// S45, since v6.7: the leaf is split, and if there is no memory for
// that, nothing is changed.
({ kernel: 'v7.2.13', arch: 'riscv64', ram: '2G', runs_on: ['riscv64 v6.1 v6.12'] });

const page = alloc_pages(9);
fail_every_alloc();
expect(set_memory_ro(page_address(page + 5), 1), -ENOMEM);
write_page(page + 5);
allow_alloc();
expect(set_memory_ro(page_address(page + 5), 1), 0);
write_page(page + 6);
expect(write_page(page + 5), OOPS); // caught
