// S21, since v6.9: the image is not loaded. What was protected is
// writable again when it is given back.
({ kernel: 'v7.2.13', ram: '2G', boot: 'hibernate=protect_image', runs_on: ['x86_64 v6.12'] });

for (let order = 8; order >= 0; order--) {
  for (let i = 0; i < 8; i++) alloc_pages(order); // no small blocks remain: large leaves from here on
}
fail_alloc(2);
expect(snapshot_write_next(1), -ENOMEM);
const page = image_page(0);
swsusp_free();
expect(alloc_pages(0), page);
write_page(page);
