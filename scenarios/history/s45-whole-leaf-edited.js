// S45, riscv until v6.7: read-only is asked for one page, and the 2M
// leaf in which it lies becomes read-only. 311cd2f6e253 ("riscv: Fix
// set_memory_XX() and set_direct_map_XX() by splitting huge linear
// mappings") in v6.7 and stable trees.
// Breaks P1 and P3: a page that was not asked about is changed.
({ kernel: 'v6.1~set-memory-splits', arch: 'riscv64', ram: '2G' });

const page = alloc_pages(9);
expect(set_memory_ro(page_address(page + 5), 1), 0);
expect(write_page(page + 6), OOPS);
