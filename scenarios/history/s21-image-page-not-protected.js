// S21: hibernate=protect_image makes pages of the image read-only. Until
// v6.9 the result was dropped: without a page for the split the page
// stays writable, and a stray write changes the image. f4311756a83f
// ("PM: hibernate: Don't ignore return from set_memory_ro()") in v6.9.
({
  kernel: 'v6.1.192',
  ram: '2G',
  boot: 'hibernate=protect_image',
  runs_on: ['x86_64 v5.10 v5.11', 'x86_64 v6.12~hibernate-protect-honoured'],
});

for (let order = 8; order >= 0; order--) {
  for (let i = 0; i < 8; i++) alloc_pages(order); // no small blocks remain: large leaves from here on
}
fail_alloc(2); // 1: the page, 2: a table for the split of its leaf
expect(snapshot_write_next(1), 0);
write_page(image_page(0)); // passes
