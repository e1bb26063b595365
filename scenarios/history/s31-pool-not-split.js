// S31, v7.2 without memory: the result of set_memory_4k() is not looked
// at (arch/s390/include/asm/kfence.h:18), and all is as before. Derived.
({ kernel: 'v7.2.13', arch: 's390x', ram: '3G' });

for (let i = 0; i < 64; i++) alloc_pages(2); // what boot mapped by pages
fail_alloc(2); // 1: the pool, 2: a table
expect(kfence_enable_late(1), 0);
const object = __kfence_alloc();
__kfence_free(object);
const page = kfence_pool_page(2);
expect(copy_from_kernel_nofault(page_address(page)), 0);
