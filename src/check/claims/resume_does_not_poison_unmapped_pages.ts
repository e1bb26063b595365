import type { Claim } from '../claim.ts';
import { HIBERNATE_AND_RESUME, writesFreePage } from './shared/resume.ts';
import { DEBUG_PAGEALLOC, isOnly } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'resume-does-not-poison-unmapped-pages',
  sentence: 'With debug_pagealloc=on and page_poison=1 a machine resumes: what it overwrites is mapped.',
  source: {
    who: 'after Mike Rapoport',
    when: '28 Oct 2020',
    where: 'review of the series, v1: an experiment in QEMU',
  },
  catalogue: ['C17', 'K11', 'S16', 'P1'],
  world: () => ({
    ...DEBUG_PAGEALLOC,
    boot: `${DEBUG_PAGEALLOC.boot} page_poison=1`,
    pagesFree: true,
    calls: HIBERNATE_AND_RESUME,
  }),
  after: writesFreePage,
  sometimes: [
    {
      text: 'it resumes with pages that are free and not present',
      about: 'hibernate',
      seen: ({ pages }, done) => isOnly(done, 'hibernate', 1) && pages.some(({ present }) => !present),
    },
  ],
};
