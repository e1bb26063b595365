// S20, riscv: hibernation takes a free object's page, which has lost V
// and kept G, for present, and reads it without mapping it. That is a
// fault in KFENCE's pool, which KFENCE reports as a use after free and
// opens. (At boot: the pool is set aside before the direct map is built,
// wanted or not, and who turns KFENCE on later gets that, which nobody
// initialises.) Derived. Breaks P4: the page is open after the copy.
({
  kernel: 'v7.2.13',
  arch: 'riscv64',
  ram: '256M',
  boot: 'kfence.sample_interval=100',
  runs_on: ['riscv64 v6.12'],
});

const object = __kfence_alloc();
__kfence_free(object);
const page = kfence_pool_page(2);
expect(copy_from_kernel_nofault(page_address(page)), -EFAULT);
expect(kernel_page_present(page), 1);
syscore_suspend();
safe_copy_page(page);
syscore_resume();
expect(copy_from_kernel_nofault(page_address(page)), 0); // it is open now
