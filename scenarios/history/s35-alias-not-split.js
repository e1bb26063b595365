// S35, s390 since v6.12's time: module text becomes read-only, all of
// it, and then its pages in the direct map, one by one: there is no
// memory for the split, the error is returned, and the module is not
// loaded. Freed, its pages are writable: what was made read-only was
// split before. Safe.
({ kernel: 'v6.12.107', arch: 's390x', ram: '1G', runs_on: ['s390x v7.2'] });

for (let order = 7; order >= 0; order--) {
  for (let i = 0; i < 8; i++) alloc_pages(order); // no small blocks remain: large leaves from here on
}
vmalloc(1); // tables for what follows
fail_alloc(5, 6, 7, 8, 9, 10, 11, 12); // 1 to 4: the module's pages
expect(load_module(1, 1, 1, 1), -ENOMEM);
allow_alloc();
for (let i = 0; i < 8; i++) write_page(alloc_pages(0));
