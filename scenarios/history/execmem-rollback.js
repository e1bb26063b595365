// S26, the undoing: execmem takes an area's pages out of the direct map,
// and the split of the second large leaf is refused. The pages done
// before are put back, and nobody looks whether that worked. It does,
// but not to what was before: P and RW are set again, G and D are not,
// and the first leaf stays split. Derived from the source; v7.2 itself
// only ever asks for valid.
({ kernel: 'v7.2.13', ram: '2G' });

const area = vmalloc(16);
const done = vmalloc_to_page(area + PAGE_SIZE);
const failed = vmalloc_to_page(area + 14 * PAGE_SIZE);
fail_alloc(2); // 1: the leaf of the page that is done, 2: of the next
expect(execmem_set_direct_map_valid(area, 0), -ENOMEM);
expect(kernel_page_present(done), 1);
write_page(done);
fail_every_alloc();
expect(set_memory_4k(page_address(done), 1), 0); // is split already
expect(set_memory_4k(page_address(failed), 1), -ENOMEM); // never was
