// S3: under debug_pagealloc no allocation request reaches the split
// path, whoever frees and allocates where. The guard is
// probe_page_size_mask() (arch/x86/mm/init.c:224, v7.2): boot maps by
// 4K. What happens where it is got round, by a collapse, is in
// thread/debug-pagealloc-after-a-collapse.js.
({
  kernel: 'v7.2.13',
  ram: '256M',
  cpus: 2,
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['x86_64 all'],
});

for (let i = 0; i < 8; i++) {
  const a = alloc_pages(3);
  cpu(1, () => {
    const b = alloc_pages(0);
    write_page(b);
    __free_pages(b, 0);
    expect(kernel_page_present(b), 0);
  });
  write_page(a);
  __free_pages(a, 3);
  expect(kernel_page_present(a), 0);
}
