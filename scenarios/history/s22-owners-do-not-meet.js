// S22: one CPU frees a page while another makes a module's memory
// read-only, alias and all, and neither takes cpa_lock up to v6.12. Each
// edits entries of its own pages, so that nothing is lost: safe, as long
// as nobody edits another's page. thread/two-callers-lose-an-update.js
// is where they do.
({
  kernel: 'v6.12.107',
  ram: '256M',
  cpus: 2,
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['x86_64 all'],
});

const freed = alloc_pages(1);
const area = vmalloc_reset_perms(2);
const page = vmalloc_to_page(area);
interleave(
  '0*2 1*3',
  () => {
    __free_pages(freed, 1);
  },
  () => {
    expect(set_memory_ro(area, 2), 0);
  },
);
expect(kernel_page_present(freed + 1), 0);
expect(kernel_page_present(page), 1);
expect(write_page(page), OOPS); // caught
