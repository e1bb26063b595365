// S30, loongarch: memfd_secret() works, set_direct_map_invalid_noflush()
// returns 0, hibernation is refused, and every byte of the secret can be
// read in the direct map, which is a window of the CPU's
// (arch/loongarch/mm/pageattr.c:211 of v7.2). Derived.
// Breaks P2: 0 was returned, and the page is there.
({ kernel: 'v7.2.13', arch: 'loongarch64', ram: '2G', runs_on: ['loongarch64 v6.12'] });

const fd = memfd_secret();
expect(secretmem_fault(fd, 0), 0x200); // VM_FAULT_LOCKED
expect(hibernate(), -EPERM);
const secret = secretmem_page(fd, 0);
touch(secret);
expect(set_direct_map_invalid_noflush(secret), 0);
touch(secret);
