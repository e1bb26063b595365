import type { Claim, Done, Pattern } from '../claim.ts';
import { onPage } from './shared/worlds.ts';

const VM_FAULT_LOCKED = 0x200;

const onFile = (name: string, ...args: (string | number)[]): Pattern => ({
  calls: [{ name, with: args, ...(name === 'secretmem_release' && { forget: 'fd' }) }],
  on: 'none',
  cpus: [0],
});

const out = (pages: Done['before']) => pages.filter(({ present }) => !present).length;

/** Whether the fault has put a page into the file, and not found it there. */
const hasTakenPage = ({ action, returned, allocations }: Done) =>
  action.calls[0]!.name === 'secretmem_fault' && returned[0] === VM_FAULT_LOCKED && allocations > 0;

export const claim: Claim = {
  id: 'secret-pages-are-out-of-reach',
  sentence:
    'When a fault has given a page to secret memory, no CPU can read the page through the direct map, nor through what its TLB has kept of it.',
  source: {
    who: 'Mike Rapoport',
    when: 'v5.14',
    where: '1507f51255c9 ("mm: introduce memfd_secret system call to create "secret" memory areas")',
  },
  catalogue: ['S5', 'P8'],
  notModelled: ({ has }) => (has.secretmem ? undefined : 'this kernel has no memfd_secret()'),
  world: () => ({
    leaf: '2M',
    geometry: 1,
    boot: 'secretmem.enable=1',
    cpus: 2,
    tlb: true,
    pagesFree: true,
    calls: [
      { calls: [{ name: 'memfd_secret', keep: 'fd' }], on: 'none', cpus: [0] },
      onFile('secretmem_fault', 'fd', 0),
      onFile('secretmem_fault', 'fd', 1),
      onFile('secretmem_release', 'fd'),
      onPage('touch'),
    ],
  }),
  after(done, state) {
    if (!hasTakenPage(done)) return undefined;
    const { pages } = state;
    if (out(pages) !== out(done.before) + 1)
      return { text: `after ${done.action.text} its page is still in the direct map`, failure: 'F6' };
    for (const cpu of [0, 1]) {
      const page = pages.findIndex(({ present }, i) => !present && state.canAccess(cpu, i, false));
      if (page < 0) continue;
      return { text: `after ${done.action.text} CPU ${cpu} can still read the secret page`, failure: 'F4' };
    }
    return undefined;
  },
  sometimes: [
    {
      text: 'a page becomes secret, its neighbour not',
      about: 'secretmem_fault',
      seen: (_, done) =>
        done !== undefined && hasTakenPage(done) && done.before.every(({ present }) => present),
    },
    { text: 'both pages are secret', seen: ({ pages }) => out(pages) === 2 },
    { text: 'a fault is refused its split', seen: (_, done) => (done?.refused ?? 0) > 0 },
  ],
};
