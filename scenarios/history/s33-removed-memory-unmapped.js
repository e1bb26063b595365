// S33, v7.2: the leaf is split, if there is memory for it. If there is
// not, vmem.c:342 goes on all the same and takes the leaf for a table:
// what it clears in the leaf's memory depends on what is there. Not
// modelled.
({ kernel: 'v7.2.13', arch: 's390x', ram: '8G' });

const gone = 0x120000; // 256M in the middle of the third leaf of 2G
vmem_remove_mapping(gone, 65536);
expect(copy_from_kernel_nofault(page_address(gone)), -EFAULT);
expect(copy_from_kernel_nofault(page_address(gone - 1)), 0);
expect(copy_from_kernel_nofault(page_address(gone + 65536)), 0);
