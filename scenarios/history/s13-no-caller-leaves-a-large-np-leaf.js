// S13: of those who take pages of ordinary memory out of the direct map in
// v5.10, none leaves a large leaf that is not present: mapping the page
// again asks for nothing. directmap check proves it over all orders:
// todays-callers-leave-no-large-np-leaf.
({ kernel: 'v5.10.223', ram: '2G', runs_on: ['x86_64 v5.11 v6.1 v6.12 v7.2'] });

const poisoned = alloc_pages(0);
expect(set_mce_nospec(poisoned), 0);
const page = alloc_pages(9);
for (let i = 0; i < 512; i++) expect(set_direct_map_invalid_noflush(page + i), 0);
fail_every_alloc();
expect(set_direct_map_default_noflush(page + 511), 0);
expect(set_direct_map_default_noflush(page), 0);
expect(set_direct_map_default_noflush(poisoned), 0);
