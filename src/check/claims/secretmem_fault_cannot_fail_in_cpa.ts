import type { Claim } from '../claim.ts';
import { onX86Only } from './shared/worlds.ts';

/** VM_FAULT_LOCKED: the page is there. */
const LOCKED = 0x200;

export const claim: Claim = {
  id: 'secretmem-fault-cannot-fail-in-cpa',
  sentence:
    'With memory to be had, secretmem_fault() does not fail in CPA, on 32-bit with highmem either. (Brendan Jackman: "it\'s currently broken in Linus\' master".)',
  source: { who: 'Brendan Jackman', when: '2026', where: 'review of guest_memfd direct map removal, v12' },
  catalogue: ['C14', 'S28'],
  notModelled: onX86Only('it is about CPA'),
  world: () => ({
    leaf: '2M',
    geometry: 1,
    fullSize: true,
    features: { highmem: true },
    boot: 'secretmem.enable=1',
    memoryIsPlenty: true,
    pagesFree: true,
    calls: [
      { calls: [{ name: 'memfd_secret', keep: 'fd' }], on: 'none' },
      { calls: [{ name: 'secretmem_fault', with: ['fd', 0] }], on: 'none' },
    ],
  }),
  after: ({ action, returned }) =>
    action.calls[0]!.name === 'secretmem_fault' && returned[0] !== LOCKED
      ? {
          text: `${action.text} returned ${returned[0]}: CPA has no entry for the NULL of page_address()`,
          failure: 'F6',
        }
      : undefined,
  sometimes: [
    {
      text: 'a page becomes secret',
      about: 'secretmem_fault',
      seen: (_, done) => done?.action.calls[0]?.name === 'secretmem_fault' && done.returned[0] === LOCKED,
    },
  ],
};
