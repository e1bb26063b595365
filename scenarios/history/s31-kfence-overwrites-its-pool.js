// S31, s390: KFENCE that is turned on late has a pool in leaves of 1M,
// and __kernel_map_pages() takes the memory of a leaf for a page table:
// it sets bits in the first 2K of the megabyte, and no page becomes not
// present. KFENCE is told that all is well. caa3cd5ccd01 ("s390/kfence:
// Split kfence pool into 4k mappings in arch_kfence_init_pool()") in
// v6.15.
({
  kernel: 'v6.12.107',
  arch: 's390x',
  ram: '3G',
  runs_on: ['s390x v6.1'],
});

expect(kfence_enable_late(1), 0);
const object = __kfence_alloc();
__kfence_free(object);
const page = kfence_pool_page(2);
expect(copy_from_kernel_nofault(page_address(page)), 0); // a free object
