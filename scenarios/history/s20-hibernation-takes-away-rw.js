// S20: KFENCE and memory failure clear P and keep RW; hibernation's
// unmap clears RW too. Whoever sets P again has a page that is present
// and read-only. Every call returns 0, and the next write dies. Derived.
// Breaks P1 and P4: there and back is not where it was.
({ kernel: 'v6.12.107', ram: '2G', runs_on: ['x86_64 all'] });

const page = alloc_pages(0);
expect(set_memory_np(page_address(page), 1), 0); // as KFENCE: P goes, RW stays
syscore_suspend();
safe_copy_page(page);
syscore_resume();
expect(set_memory_p(page_address(page), 1), 0); // P comes back alone
touch(page);
expect(write_page(page), OOPS);
