// S31, since v6.15: the pool is split first.
({ kernel: 'v7.2.13', arch: 's390x', ram: '1G' });

expect(kfence_enable_late(1), 0);
const object = __kfence_alloc();
__kfence_free(object);
const page = kfence_pool_page(2);
expect(copy_from_kernel_nofault(page_address(page)), -EFAULT);
