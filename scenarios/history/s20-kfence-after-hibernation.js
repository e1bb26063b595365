// S20, as it would happen: KFENCE, turned on while the system runs, has
// a pool of ordinary pages. A free object's page is copied for an image;
// the system goes on (the image was not wanted, or test_resume). KFENCE
// gives the object out again: it sets P, and its canary is written to a
// read-only page. KFENCE is asked about faults on pages that are not
// present only (arch/x86/mm/fault.c:697 of v7.2). Derived; not found
// reported.
// Breaks P1 and P4: there and back is not where it was.
({ kernel: 'v7.2.13', ram: '2G', runs_on: ['x86_64 v6.1 v6.12'] });

expect(kfence_enable_late(1), 0);
const object = __kfence_alloc();
__kfence_free(object);
expect(hibernate(), 0);
expect(__kfence_alloc(), OOPS);
