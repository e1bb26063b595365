// S27: two threads touch the same page of secret memory at once. Both
// take a page out of the direct map; the one that comes second gives its
// own back. Until v6.18 it freed it first and mapped it then: whoever
// gets it in between writes a page that is not present. "mm/secretmem:
// fix use-after-free race in fault handler" in v6.18 and stable trees.
// Breaks P1 and P9: a page just given out is not present, but in a TLB.
({
  kernel: 'v6.12~secretmem-default-before-free',
  ram: '2G',
  cpus: 3,
  boot: 'secretmem.enable=1',
  runs_on: ['x86_64 v6.1~secretmem-default-before-free v7.2~secretmem-default-before-free'],
});

for (let order = 8; order >= 0; order--) {
  for (let i = 0; i < 8; i++) alloc_pages(order); // no small blocks remain: a page freed is the next given out
}
expect(set_memory_4k(page_address(alloc_pages(0)), 1), 0); // so that nothing is split below
const fd = memfd_secret();
interleave(
  '1 0*6 1*4 2*2', // CPU 1 has freed its page, and not mapped it yet
  () => {
    expect(secretmem_fault(fd, 0), 0x200); // VM_FAULT_LOCKED
  },
  () => {
    expect(secretmem_fault(fd, 0), 0x200);
  },
  () => {
    expect(write_page(alloc_pages(0)), OOPS);
  },
);
