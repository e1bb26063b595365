// S47, arm64 v7.2 with BBML2: secret memory needs a block split, for
// which there is no page. The fault fails with OOM after a
// WARN_ON_ONCE() (arch/arm64/mm/pageattr.c:115), and the page is freed
// mapped. Safe, unless somebody boots with panic_on_warn.
({ kernel: 'v7.2.13', arch: 'arm64', ram: '2G', features: { bbml2: true } });

const fd = memfd_secret();
fail_alloc(2); // 1: the page, 2: a table
expect(secretmem_fault(fd, 0), 1); // VM_FAULT_OOM
const page = alloc_pages(0);
expect(kernel_page_present(page), 1);
write_page(page);
