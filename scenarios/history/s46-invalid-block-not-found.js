// S46, arm64 with BBML2: 2M go out of the direct map in one piece. Until
// v7.2's time the walk that should bring them back took the block
// without VALID for nothing: it returned 0, and the 2M stayed away.
// 15bfba1ad77f ("arm64: mm: Handle invalid large leaf mappings
// correctly").
// Breaks P1 and P2: 0 was returned, and the pages are not there.
({
  kernel: 'v7.2~invalid-large-leaves-handled',
  arch: 'arm64',
  ram: '2G',
  features: { bbml2: true },
});

const page = alloc_pages(9);
expect(set_direct_map_valid_noflush(page, 512, 0), 0);
expect(set_direct_map_valid_noflush(page, 512, 1), 0);
expect(touch(page), OOPS);
