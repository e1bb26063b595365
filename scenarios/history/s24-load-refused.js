// S24, since v6.9: the module is not loaded, and its pages are writable
// when they are free.
({ kernel: 'v6.12.107', ram: '2G' });

for (let order = 8; order >= 0; order--) {
  for (let i = 0; i < 8; i++) alloc_pages(order); // no small blocks remain: large leaves from here on
}
vmalloc(1); // tables for what follows
fail_alloc(5, 6, 7, 8, 9, 10, 11, 12); // 1 to 4: the module's pages
expect(load_module(1, 1, 1, 1), -ENOMEM);
allow_alloc();
for (let i = 0; i < 8; i++) write_page(alloc_pages(0));
