// S15, Mike Rapoport, Oct 2020, "theoretical": vfree() has taken a page
// out of the direct map and is preempted before it puts it back, and
// hibernation copies the page. On arm64 both go by the same gate: under
// rodata=full the page is mapped for the copy; else it was never
// unmapped. Refuted for v5.10, and for v5.11 with its wider gates.
// Breaks P2 where nothing is ever unmapped: 0 is returned for that.
({
  kernel: 'v5.10.223',
  arch: 'arm64',
  ram: '256M',
  config: { DEBUG_PAGEALLOC: 'y' },
  boot: 'rodata=full',
  runs_on: [
    'arm64 v5.10: rodata=off',
    'arm64 v5.10: rodata=off debug_pagealloc=on',
    'arm64 v5.11 v6.1 v6.12 v7.2: rodata=off debug_pagealloc=on',
    'arm64 v5.11 v6.1 v6.12: rodata=full',
    'arm64 v5.11 v6.1 v6.12: rodata=off',
  ],
});

const area = vmalloc_reset_perms(1);
const page = vmalloc_to_page(area);
expect(set_direct_map_invalid_noflush(page), 0); // vm_remove_mappings(), first half
syscore_suspend();
safe_copy_page(page);
syscore_resume();
expect(set_direct_map_default_noflush(page), 0); // second half
write_page(page);
