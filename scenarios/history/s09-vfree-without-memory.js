// S9: vfree() of memory with reset permissions takes each page out of
// the direct map and puts it back, and drops both results. If the first
// fails, the page merely stayed mapped: safe. mm/vmalloc.c:3374 (v7.2).
({ kernel: 'v6.1.192', ram: '2G', runs_on: ['x86_64 all'] });

const area = vmalloc_reset_perms(4);
const page = vmalloc_to_page(area);
fail_alloc(1);
vfree(area);
expect(kernel_page_present(page), 1);
write_page(page);
