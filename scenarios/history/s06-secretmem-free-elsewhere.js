// S6: the same on every architecture with secret memory:
// mm/secretmem.c:231 (v7.2) drops the result of
// set_direct_map_default_noflush(), and it is 0.
({
  kernel: 'v7.2.13',
  ram: '2G',
  boot: 'secretmem.enable=1',
  runs_on: [
    'x86_64 v6.1 v6.12 v7.2',
    'arm64 v6.1 v6.12: secretmem.enable=1 rodata=full',
    'arm64 v7.2',
    'riscv64 v6.1 v6.12 v7.2',
    's390x v6.12 v7.2',
  ],
});

const fd = memfd_secret();
expect(secretmem_fault(fd, 0), 0x200); // VM_FAULT_LOCKED
const page = secretmem_page(fd, 0);
expect(copy_from_kernel_nofault(page_address(page)), -EFAULT);
fail_every_alloc();
expect(secretmem_release(fd), 0);
expect(copy_from_kernel_nofault(page_address(page)), 0);
write_page(page);
