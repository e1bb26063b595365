// S29: set_mce_nospec() gets no table for the split, and nobody looks:
// the poisoned page stays mapped, where a speculative read finds it. The
// second machine check is fatal. arch/x86/kernel/cpu/mce/core.c:649
// (v5.10), :624 (v7.2).
({ kernel: 'v7.2.13', ram: '4G', runs_on: ['x86_64 all'] });

const page = alloc_pages(9);
fail_every_alloc();
expect(uc_decode_notifier(page), 0);
expect(kernel_page_present(page), 1);
expect(touch(page), OOPS);
