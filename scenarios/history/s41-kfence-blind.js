// S41, powerpc with radix tables, v6.1 to v6.10: KFENCE's pool lies in
// leaves of 2M, and nothing can be changed there: a warning, -EINVAL,
// and nobody looks. KFENCE goes on, blind. 353d7a84c214
// ("powerpc/64s/radix/kfence: map __kfence_pool at page granularity") in
// v6.11 and stable trees.
({ kernel: 'v6.1~radix-kfence-pool', arch: 'ppc64', ram: '2G' });

expect(kfence_enable_late(1), 0);
const object = __kfence_alloc();
__kfence_free(object);
const page = kfence_pool_page(2);
expect(copy_from_kernel_nofault(page_address(page)), 0); // a free object
