// S21: hibernate=protect_image makes pages of the image read-only. Until
// v6.9 the result was dropped: without a page for the split the page stays
// writable, and a stray write changes the image.
({ kernel: 'v6.1.192', ram: '2G' });

const image = alloc_pages(9); // a 2M leaf; one page of it holds the image
fail_alloc(1);
expect(set_memory_ro(page_address(image), 1), -ENOMEM);
write_page(image); // passes
