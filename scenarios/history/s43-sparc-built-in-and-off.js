// S43: a kernel that has DEBUG_PAGEALLOC built in maps by 8K, whether it
// is told debug_pagealloc=on or off: off, it pays for that and protects
// nothing. That the map is by 8K shows when the option's own call is
// made by hand: one page goes, the one beside it stays.
({
  kernel: 'v7.2.13',
  arch: 'sparc64',
  ram: '256M',
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=off',
  runs_on: ['sparc64 all'],
});

const page = alloc_pages(3);
__free_pages(page, 3);
touch(page + 1); // a use after free that passes
const again = alloc_pages(3);
__kernel_map_pages(again + 1, 1, 0);
write_page(again);
expect(touch(again + 1), OOPS); // caught
