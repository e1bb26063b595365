// S41, since v6.11.
({
  kernel: 'v7.2.13',
  arch: 'ppc64',
  ram: '2G',
  boot: 'kfence.sample_interval=100',
  runs_on: ['ppc64 v6.1 v6.12'],
});

const object = __kfence_alloc();
__kfence_free(object);
const page = kfence_pool_page(2);
expect(copy_from_kernel_nofault(page_address(page)), -EFAULT);
