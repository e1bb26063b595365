// S24: a module's text is to become read-only; its direct-map alias
// cannot be split. Until v6.9 the loader dropped the error: the module
// runs, its text writable through the direct map. d1909c022173 ("module:
// Don't ignore errors from set_memory_XX()") in v6.9.
({ kernel: 'v6.1.192', ram: '2G', runs_on: ['x86_64 v5.10 v5.11', 'x86_64 v6.12~module-errors-honoured'] });

for (let order = 8; order >= 0; order--) {
  for (let i = 0; i < 8; i++) alloc_pages(order); // no small blocks remain: large leaves from here on
}
vmalloc(1); // tables for what follows
fail_alloc(5, 6, 7, 8, 9, 10, 11, 12); // 1 to 4: the module's pages
expect(load_module(1, 1, 1, 1), 1);
write_page(vmalloc_to_page(module_address(1, 0))); // passes
