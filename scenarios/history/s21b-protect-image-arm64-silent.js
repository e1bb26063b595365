// S21b: set_memory_ro() of arm64 takes addresses of vmalloc only (5.10
// arch/arm64/mm/pageattr.c:81), and an image's pages are given by their
// direct-map addresses: -EINVAL, always. Until v6.9 nobody looked, and
// hibernate=protect_image has never protected anything there.
({
  kernel: 'v6.1.192',
  arch: 'arm64',
  ram: '2G',
  boot: 'hibernate=protect_image',
  runs_on: ['arm64 v5.10 v5.11'],
});

expect(snapshot_write_next(1), 0);
const page = image_page(0);
expect(set_memory_ro(page_address(page), 1), -EINVAL);
write_page(page); // passes
