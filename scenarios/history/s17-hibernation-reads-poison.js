// S17: a page that memory failure took out of the direct map is not
// reserved, and no version of the snapshot code asks for PageHWPoison:
// hibernation maps the poisoned page and reads it.
({ kernel: 'v7.2.13', ram: '2G' });

const page = alloc_pages(0);
expect(set_mce_nospec(page), 0);
expect(kernel_page_present(page), 0);
expect(saveable_page(page), 1); // it will be mapped and read
syscore_suspend();
safe_copy_page(page);
syscore_resume();
