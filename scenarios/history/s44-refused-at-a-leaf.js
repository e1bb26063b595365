// S44, one half mended: v6.1.192 has the rewritten function and not the
// map by pages. At a leaf of 2M it warns and returns -EINVAL to nobody:
// a page that is freed stays present, and the option finds nothing.
({
  kernel: 'v6.1.192',
  arch: 'riscv64',
  ram: '2G',
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
});

const page = alloc_pages(9);
__free_pages(page, 9);
touch(page + 5);
