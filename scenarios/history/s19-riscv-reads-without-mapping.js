// S19, riscv (hibernation since v6.4): a page without V is "present" to
// kernel_page_present() as long as it has G, which doubles as
// _PAGE_PROT_NONE, and every page of the direct map has. So that
// hibernation does not map the secret page, and reads it. Derived.
// Breaks P1 and P9: kernel_page_present() says otherwise than the
// tables.
({ kernel: 'v7.2.13', arch: 'riscv64', ram: '2G', runs_on: ['riscv64 v6.12'] });

const fd = memfd_secret();
expect(secretmem_fault(fd, 0), 0x200);
const secret = secretmem_page(fd, 0);
expect(copy_from_kernel_nofault(page_address(secret)), -EFAULT);
expect(kernel_page_present(secret), 1);
syscore_suspend();
expect(safe_copy_page(secret), OOPS);
