// S21b, powerpc with the hash table: set_memory_ro() of an address in
// the linear map is a warning and -EINVAL (arch/powerpc/mm/pageattr.c):
// until v6.9 nobody looked, since then no image is resumed with
// hibernate=protect_image. On v5.10 it is a stub that returns 0. But
// hibernate=protect_image itself needs STRICT_KERNEL_RWX, which excludes
// hibernation there: the call of the restore is made by hand.
({
  kernel: 'v6.1.192',
  arch: 'ppc64',
  ram: '2G',
  features: { radix: false },
  runs_on: ['ppc64 v6.12 v7.2'],
});

const page = alloc_pages(0);
expect(set_memory_ro(page_address(page), 1), -EINVAL);
write_page(page);
