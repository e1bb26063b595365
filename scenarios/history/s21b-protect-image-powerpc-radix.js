// S21b, powerpc with radix tables: -EINVAL at a leaf that is larger than
// a page (mm/memory.c:3376 of v7.2), and a warning.
({ kernel: 'v6.1.192', arch: 'ppc64', ram: '2G', runs_on: ['ppc64 v6.12 v7.2'] });

const page = alloc_pages(0);
expect(set_memory_ro(page_address(page), 1), -EINVAL);
write_page(page);
