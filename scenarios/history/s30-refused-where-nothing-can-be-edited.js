// S30, arm64 with rodata=off and nothing else that maps by pages: the
// kernel says so. memfd_secret() is -ENOSYS (can_set_direct_map()).
// Safe.
({
  kernel: 'v6.1.192',
  arch: 'arm64',
  ram: '2G',
  config: { KFENCE: 'n' },
  boot: 'rodata=off secretmem.enable=1',
  runs_on: ['arm64 v6.12 v7.2'],
});

expect(memfd_secret(), -ENOSYS);
