// S18 (and S12): a 2M leaf that is not present, as v6.13-rc's execmem
// cache made them, met by hibernation while there is memory. The copy
// works, and allocates a page table in the middle of the snapshot, with
// interrupts off: saved state and live state no longer agree (Ville
// Syrjala, 12 Jan 2025: list corruption after resume). Turned off by
// a9bbe3413331 ("x86: Disable EXECMEM_ROX support") in v6.13; since
// 925f42645118 ("execmem: don't remove ROX cache from the direct map")
// the cache leaves it alone.
// Breaks P10: a snapshot that allocates.
({ kernel: 'v7.2.13', ram: '2G', runs_on: ['x86_64 v6.12+set-direct-map-valid'] });

const page = alloc_pages(9);
expect(set_direct_map_valid_noflush(page, 512, 0), 0);
syscore_suspend();
safe_copy_page(page + 5);
syscore_resume();
expect(kernel_page_present(page + 5), 0);
