// S25, v6.9 to v6.13: all of the module's memory is protected, its init
// has run, and then the data that should become read-only cannot. The
// module is freed, although the kernel may have pointers to it from its
// init. d1909c022173 ("module: Don't ignore errors from
// set_memory_XX()") in v6.9, undone for this case by 110b1e070f1d
// ("module: Don't fail module loading when setting ro_after_init section
// RO failed") in v6.14 and stable trees.
({ kernel: 'v6.12~module-ro-after-init-warns', ram: '2G' });

for (let order = 8; order >= 0; order--) {
  for (let i = 0; i < 8; i++) alloc_pages(order); // no small blocks remain: large leaves from here on
}
vmalloc(1000);
fail_alloc(607); // 603 pages, two tables, a split for the text, and then: of the next leaf
expect(load_module(1, 1, 1, 600), -ENOMEM);
expect(free_module(1), -ENOENT); // gone
