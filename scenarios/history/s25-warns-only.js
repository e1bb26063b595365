// S25, since v6.14 (v6.12.107 has it too): a line in the log, the module
// lives, and its data stay writable.
({ kernel: 'v6.12.107', ram: '2G' });

for (let order = 8; order >= 0; order--) {
  for (let i = 0; i < 8; i++) alloc_pages(order); // no small blocks remain: large leaves from here on
}
vmalloc(1000);
fail_alloc(607); // 603 pages, two tables, a split for the text, and then: of the next leaf
expect(load_module(1, 1, 1, 600), 1);
write_page(vmalloc_to_page(module_address(1, 3) + 599 * PAGE_SIZE));
expect(free_module(1), 0);
