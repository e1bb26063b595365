// S53, without 661b1c6169e2 ("x86/sev: Adjust the directmap to avoid
// inadvertent RMP faults", v6.9): a page becomes an SEV-SNP guest's
// alone, and the host writes to another one through the 2M leaf of both.
// The host dies.
// Breaks P1: the page written to is the host's, mapped and writable.
({
  kernel: 'v6.12~snp-adjusts-direct-map',
  ram: '2G',
  features: { snp_host: true },
  runs_on: ['x86_64 v7.2~snp-adjusts-direct-map'],
});

const page = alloc_pages(9);
expect(rmp_make_private(page + 5), 0);
expect(write_page(page + 6), OOPS);
