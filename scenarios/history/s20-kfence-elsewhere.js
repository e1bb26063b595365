// S20, on arm64: hibernation's unmapping clears what KFENCE's does, so
// that the object is writable when it is given out again.
({ kernel: 'v7.2.13', arch: 'arm64', ram: '2G', runs_on: ['arm64 v6.1 v6.12'] });

expect(kfence_enable_late(1), 0);
const object = __kfence_alloc();
__kfence_free(object);
expect(hibernate(), 0);
__kfence_alloc();
write_page(kfence_pool_page(2));
