// S53, since v6.9: the leaf is split first. If there is no memory for it
// the page does not become the guest's.
({ kernel: 'v7.2.13', ram: '2G', features: { snp_host: true }, runs_on: ['x86_64 v6.12'] });

const page = alloc_pages(9);
fail_every_alloc();
expect(rmp_make_private(page + 5), -ENOMEM);
write_page(page + 5);
allow_alloc();
expect(rmp_make_private(page + 5), 0);
write_page(page + 6);
expect(rmp_make_shared(page + 5), 0);
write_page(page + 5);
