// S28, 32-bit x86 with highmem: a page of memfd_secret() that no direct
// map ever had. Its page_address() is NULL, CPA finds no entry there,
// warns "CPA: called for zero pte", and the page fault ends in SIGBUS:
// nobody gets secret memory in highmem. Brendan Jackman, 2026, review
// of guest_memfd v12: "it's currently broken in Linus' master".
// arch/x86/mm/pat/set_memory.c:1847, mm/secretmem.c:146 (v7.2). Of such
// a machine only this is modelled: a page that has no address.
({
  kernel: 'v7.2.13',
  ram: '1G',
  features: { highmem: true },
  boot: 'secretmem.enable=1',
  runs_on: ['x86_64 v6.12'],
});

const fd = memfd_secret();
expect(secretmem_fault(fd, 0), 2); // VM_FAULT_SIGBUS
