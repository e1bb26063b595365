import type { Claim, Done } from '../claim.ts';
import { isOnly } from './shared/worlds.ts';

const VM_FAULT_OOM = 1;
const present = (pages: Done['before']) => pages.filter((page) => page.present && page.writable).length;

export const claim: Claim = {
  id: 'secretmem-restore-cannot-fail',
  sentence:
    'A split "already happened when we marked the page invalid which guarantees that this call won\'t fail".',
  source: { who: 'comment in the source', when: 'v5.14 to v7.2', where: 'mm/secretmem.c, secretmem_fault()' },
  catalogue: ['S5', 'S6', 'C14', 'P8'],
  notModelled: ({ has }) => (has.secretmem ? undefined : 'this kernel has no memfd_secret()'),
  world: () => ({
    leaf: '1G',
    boot: 'secretmem.enable=1',
    pagesFree: true,
    calls: [
      { calls: [{ name: 'memfd_secret', keep: 'fd' }], on: 'none' },
      ...[0, 1, 2].map((offset) => ({
        calls: [{ name: 'secretmem_fault', with: ['fd', offset] }],
        on: 'none' as const,
      })),
      { calls: [{ name: 'secretmem_release', with: ['fd'], forget: 'fd' }], on: 'none' },
    ],
  }),
  after(done, { pages }) {
    const { action, died, before, returned } = done;
    if (died !== undefined) return { text: `the machine dies in ${action.text}`, failure: 'F1' };
    if (isOnly(done, 'secretmem_release') && present(pages) < pages.length)
      return { text: `after ${action.text} a page is free and not in the direct map`, failure: 'F1' };
    if (returned[0] === VM_FAULT_OOM && present(pages) !== present(before))
      return { text: `${action.text} failed, and its page is free and not in the direct map`, failure: 'F1' };
    return undefined;
  },
  sometimes: [
    {
      text: 'a file with pages in two leaves is released',
      about: 'secretmem_fault',
      seen: (_, done) => isOnly(done, 'secretmem_release') && present(done?.before ?? []) === 1,
    },
    {
      text: 'a fault takes its page out and must put it back',
      seen: (_, done) => done?.returned[0] === VM_FAULT_OOM && done.allocations === 4,
    },
    {
      text: 'a fault is refused the second of two splits',
      seen: ({ pages }, done) =>
        done?.returned[0] === VM_FAULT_OOM && pages.every(({ level }) => level === 2),
    },
  ],
};
