// S5: a page fault on secret memory, and no page for the second table:
// the 1G leaf is split, the 2M leaf is not. The fault fails with OOM,
// the page is freed while mapped. Safe; only the coarse mapping is lost.
// mm/secretmem.c:142 (v7.2).
({
  kernel: 'v7.2.13',
  ram: '4G',
  boot: 'secretmem.enable=1',
  runs_on: ['x86_64 v6.1 v6.12 v7.2'],
});

const fd = memfd_secret();
fail_alloc(3); // 1: the page itself, 2: the 1G split, 3: the 2M split
expect(secretmem_fault(fd, 0), 1); // VM_FAULT_OOM
const page = alloc_pages(0);
write_page(page);
