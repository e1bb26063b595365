import type { Claim } from '../claim.ts';
import { HIBERNATE_AND_RESUME, writesFreePage } from './shared/resume.ts';
import { DEBUG_PAGEALLOC, endsWell } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'resume-does-not-clear-unmapped-pages',
  sentence:
    'With debug_pagealloc=on and init_on_free=1 a machine resumes: what it clears is mapped. (Mike Rapoport: "restore crahsed nicely".)',
  source: {
    who: 'Mike Rapoport',
    when: '28 Oct 2020',
    where: 'review of the series, v1: an experiment in QEMU',
  },
  catalogue: ['C17', 'K11', 'S16', 'P1'],
  world: () => ({
    ...DEBUG_PAGEALLOC,
    boot: `${DEBUG_PAGEALLOC.boot} init_on_free=1`,
    pagesFree: true,
    calls: HIBERNATE_AND_RESUME,
  }),
  after: writesFreePage,
  sometimes: [endsWell('hibernate')],
};
