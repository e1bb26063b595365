import { notModelledYet } from './shared/not_modelled_yet.ts';

export const claim = notModelledYet(
  {
    id: 'secretmem-fault-cannot-fail-in-cpa',
    sentence:
      'With memory to be had, secretmem_fault() does not fail in CPA, on 32-bit with highmem either. (Brendan Jackman: "it\'s currently broken in Linus\' master".)',
    source: { who: 'Brendan Jackman', when: '2026', where: 'review of guest_memfd direct map removal, v12' },
    catalogue: ['C14', 'S28'],
  },
  '32-bit x86 and highmem are not modelled: here every page has an address',
);
