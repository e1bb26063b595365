// S21b, since v6.9: the same -EINVAL is honoured, and no image is ever
// resumed with hibernate=protect_image on arm64. No memory was short.
// f4311756a83f ("PM: hibernate: Don't ignore return from
// set_memory_ro()").
({
  kernel: 'v7.2.13',
  arch: 'arm64',
  ram: '2G',
  boot: 'hibernate=protect_image',
  runs_on: ['arm64 v6.12'],
});

expect(snapshot_write_next(1), -EINVAL);
