// S17: a page that a machine check took out of the direct map is not
// reserved, and no version of the snapshot code asks for PageHWPoison:
// hibernation maps the poisoned page and reads it. The second machine
// check is fatal. Derived from kernel/power/snapshot.c (v5.10:1275 to
// v7.2:1375).
({ kernel: 'v7.2.13', ram: '2G', runs_on: ['x86_64 all'] });

const page = alloc_pages(0);
expect(uc_decode_notifier(page), 0);
expect(kernel_page_present(page), 0);
expect(saveable_page(page), 1); // it will be mapped and read
expect(hibernate(), OOPS);
