// S7: under debug_pagealloc the kernel's freed init sections stay not
// present for ever (free_init_pages(), arch/x86/mm/init.c:918 of v7.2).
// They are reserved, so hibernation does not save them.
({
  kernel: 'v6.1.192',
  ram: '256M',
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['x86_64 all'],
});

const page = init_page();
expect(kernel_page_present(page), 0);
expect(saveable_page(page), 0);
expect(touch(page), OOPS); // caught
