// S24: a module's text is to become read-only; for its last pages the
// direct-map alias cannot be split. Until v6.9 the loader dropped the error:
// the module runs, part of its text writable through the direct map.
({ kernel: 'v6.1.192', ram: '2G' });

const text = vmalloc_reset_perms(4);
fail_every_alloc();
expect(set_memory_ro(text, 4), -ENOMEM);
write_page(vmalloc_to_page(text + 3 * PAGE_SIZE)); // passes
