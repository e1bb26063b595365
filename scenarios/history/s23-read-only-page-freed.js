// S23: a 2M area of executable memory, one read-only leaf in the direct
// map. vfree() resets its permissions page by page; both attempts on the
// first page are refused, both results are dropped, and the page is
// freed read-only. Its next owner dies writing it. mm/vmalloc.c:2740
// (v6.1); derived.
// Breaks P1 and P8: a free page is read-only.
({ kernel: 'v6.1.192', ram: '2G', runs_on: ['x86_64 v6.12 v7.2'] });

const area = vmalloc_reset_perms(512, 1);
const page = vmalloc_to_page(area);
expect(set_memory_ro(area, 512), 0);
fail_every_alloc();
vfree(area);
expect(write_page(page), OOPS);
