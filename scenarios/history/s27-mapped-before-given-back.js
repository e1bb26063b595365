// S27, since the fix: the page is mapped when it is given back.
({
  kernel: 'v6.12.107',
  ram: '2G',
  cpus: 3,
  boot: 'secretmem.enable=1',
  runs_on: ['x86_64 v6.1 v7.2'],
});

for (let order = 8; order >= 0; order--) {
  for (let i = 0; i < 8; i++) alloc_pages(order); // no small blocks remain: a page freed is the next given out
}
expect(set_memory_4k(page_address(alloc_pages(0)), 1), 0); // so that nothing is split below
const fd = memfd_secret();
interleave(
  '1 0*6 1*4 2*2',
  () => {
    expect(secretmem_fault(fd, 0), 0x200); // VM_FAULT_LOCKED
  },
  () => {
    expect(secretmem_fault(fd, 0), 0x200);
  },
  () => {
    write_page(alloc_pages(0));
  },
);
