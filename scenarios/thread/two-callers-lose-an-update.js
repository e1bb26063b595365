// Rick Edgecombe, 26 Oct 2020: CPA drops its lock for DEBUG_PAGEALLOC.
// Up to v6.12 every caller goes without cpa_lock then, not the page
// allocator alone, and two can change one entry at once, each from what
// it has read. set_memory_x() reads the entry as not present, then
// set_memory_p() makes it present and returns 0, then set_memory_x()
// writes what it has read, less NX: the page is not present.
({
  kernel: 'v6.12',
  ram: '128M',
  cpus: 2,
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'debug_pagealloc=on',
  runs_on: ['x86_64 v5.10 v5.11 v6.1'],
});

const page = alloc_pages(9);
const addr = page_address(page);
expect(set_memory_np(addr, 1), 0);
interleave(
  '0*2 1*4 0*2', // CPU 0 stops short of its write
  () => {
    expect(set_memory_x(addr, 1), 0);
  },
  () => {
    expect(set_memory_p(addr, 1), 0);
  },
);
expect(kernel_page_present(page), 0);
