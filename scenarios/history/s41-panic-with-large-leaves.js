// S41, the order of two mends: with the pool still in large leaves,
// v6.12's __kernel_map_pages() is not blind but panics
// (arch/powerpc/mm/pageattr.c).
({ kernel: 'v6.12~radix-kfence-pool', arch: 'ppc64', ram: '2G' });

expect(kfence_enable_late(1), OOPS);
