// S6: can secretmem's restoring fail, whose result is dropped? The leaf
// has been 4K since the page was taken out, and nothing merges a table
// that holds a not-present entry: not even set_memory_rox() of all 2M
// (v7.2).
// Breaks P8, by that call: the pages beside the secret are nobody's.
({ kernel: 'v7.2.13', ram: '2G', runs_on: ['x86_64 v6.12'] });

const fd = memfd_secret();
expect(secretmem_fault(fd, 0), 0x200); // VM_FAULT_LOCKED
const page = secretmem_page(fd, 0);
expect(kernel_page_present(page), 0);
fail_every_alloc();
expect(set_memory_rox(page_address(page & ~511), 512), 0);
expect(secretmem_release(fd), 0);
expect(kernel_page_present(page), 1);
