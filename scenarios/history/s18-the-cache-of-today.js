// S18, after: execmem's cache of v7.2 leaves its pages in the direct
// map, read-only: hibernation copies them and asks for nothing.
({ kernel: 'v7.2.13', ram: '2G' });

const text = execmem_alloc(1);
const page = vmalloc_to_page(text);
expect(kernel_page_present(page), 1);
fail_every_alloc();
expect(hibernate(), 0);
expect(kernel_page_present(page), 1);
