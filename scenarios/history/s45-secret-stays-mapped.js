// S45, what came of that from v5.14 to v6.6: memory of memfd_secret()
// stays in the direct map, and no call says so. Derived.
({
  kernel: 'v6.1~set-memory-splits',
  arch: 'riscv64',
  ram: '2G',
  boot: 'secretmem.enable=1',
});

const fd = memfd_secret();
expect(secretmem_fault(fd, 0), 0x200); // VM_FAULT_LOCKED
touch(secretmem_page(fd, 0));
