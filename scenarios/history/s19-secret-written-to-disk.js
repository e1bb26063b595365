// S19: hibernation asks once, before user space is frozen, whether there
// is secret memory (hibernation_available(),
// kernel/power/hibernate.c:109 of v7.2). A file opened after that is
// copied like any other page: mapped for it, written to the image,
// unmapped again. No call fails. Derived.
({
  kernel: 'v6.1.192',
  ram: '2G',
  boot: 'secretmem.enable=1',
  runs_on: ['x86_64 v6.12 v7.2', 'arm64 v6.1 v6.12 v7.2'],
});

const early = memfd_secret();
expect(hibernate(), -EPERM); // the gate
expect(secretmem_release(early), 0);
// The gate has been passed; now another process faults in secret memory.
const late = memfd_secret();
expect(secretmem_fault(late, 0), 0x200);
const secret = secretmem_page(late, 0);
expect(saveable_page(secret), 1);
syscore_suspend();
safe_copy_page(secret); // the secret is in the image
syscore_resume();
