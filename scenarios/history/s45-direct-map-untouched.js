// S45, riscv until v6.7: set_direct_map_invalid_noflush() walks init_mm
// by walk_page_range(), which looks for areas of user space and finds
// none (arch/riscv/mm/pageattr.c:153 of v5.10): it returns 0 and does
// nothing, to no neighbour either. Part of 311cd2f6e253 ("riscv: Fix
// set_memory_XX() and set_direct_map_XX() by splitting huge linear
// mappings").
// Breaks P2 and P9: 0 was returned, and the page is there, of which
// v5.11's kernel_page_present() says 0, because it takes the large leaf
// for a table.
({
  kernel: 'v5.10.223',
  arch: 'riscv64',
  ram: '2G',
  runs_on: ['riscv64 v5.11 v6.1~set-memory-splits'],
});

const page = alloc_pages(9);
expect(set_direct_map_invalid_noflush(page + 5), 0);
write_page(page + 5);
write_page(page + 6);
