// S28 before that, on v6.1: __set_pages_np() asks CPA for no aliases,
// and CPA then takes a missing entry for nothing to do. The page fault
// succeeds. arch/x86/mm/pat/set_memory.c:2333 (v6.1).
({
  kernel: 'v6.1.192',
  ram: '1G',
  features: { highmem: true },
  boot: 'secretmem.enable=1',
});

const fd = memfd_secret();
expect(secretmem_fault(fd, 0), 0x200); // VM_FAULT_LOCKED
