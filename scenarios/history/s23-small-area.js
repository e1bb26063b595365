// S23, v5.10: there is no huge vmalloc. An area's pages are read-only
// only after their leaf was split, so that neither step of vfree() needs
// memory.
({ kernel: 'v5.10.223', ram: '2G', runs_on: ['x86_64 all'] });

const area = vmalloc_reset_perms(512);
const page = vmalloc_to_page(area);
expect(set_memory_ro(area, 512), 0);
fail_every_alloc();
vfree(area);
write_page(page);
