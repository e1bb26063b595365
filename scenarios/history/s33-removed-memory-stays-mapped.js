// S33, s390 until v6.12's time: memory that is a part of a leaf of 2G is
// removed, and the leaf is left alone: what is gone stays mapped
// (arch/s390/mm/vmem.c:333 of v5.10).
({
  kernel: 'v6.12.107',
  arch: 's390x',
  ram: '8G',
  runs_on: ['s390x v5.10 v5.11 v6.1'],
});

const gone = 0x120000; // 256M in the middle of the third leaf of 2G
vmem_remove_mapping(gone, 65536);
expect(copy_from_kernel_nofault(page_address(gone)), 0);
