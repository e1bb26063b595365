// S5, the other refusal: no page for the first table. Nothing has
// changed.
({
  kernel: 'v7.2.13',
  ram: '4G',
  boot: 'secretmem.enable=1',
  runs_on: ['x86_64 v6.1 v6.12 v7.2', 'riscv64 v6.1 v6.12 v7.2', 's390x v6.12 v7.2'],
});

const fd = memfd_secret();
fail_alloc(2); // 1: the page itself, 2: the first split
expect(secretmem_fault(fd, 0), 1); // VM_FAULT_OOM
const page = alloc_pages(0);
expect(kernel_page_present(page), 1);
write_page(page);
