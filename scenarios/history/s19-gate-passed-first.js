// S19, as two processes really do it: CPU 0 hibernates and has passed
// the gate; CPU 1 opens a file of secret memory and faults it in; user
// space is frozen; the snapshot has the secret. hibernate() returns 0.
({
  kernel: 'v7.2.13',
  ram: '2G',
  cpus: 2,
  boot: 'secretmem.enable=1',
  runs_on: ['x86_64 v6.1 v6.12', 'arm64 v6.1 v6.12 v7.2'],
});

interleave(
  '0*1', // CPU 0 stands before freeze_processes()
  () => {
    expect(hibernate(), 0);
  },
  () => {
    const fd = memfd_secret();
    expect(secretmem_fault(fd, 0), 0x200);
  },
);
