// S25, v7.2: the text comes from execmem's cache, and costs other
// splits.
({ kernel: 'v7.2.13', ram: '2G' });

for (let order = 8; order >= 0; order--) {
  for (let i = 0; i < 8; i++) alloc_pages(order); // no small blocks remain: large leaves from here on
}
vmalloc(1000);
fail_alloc(612);
expect(load_module(1, 1, 1, 600), 1);
write_page(vmalloc_to_page(module_address(1, 3) + 599 * PAGE_SIZE));
expect(free_module(1), 0);
