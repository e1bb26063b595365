import type { Claim } from '../claim.ts';
import { DEBUG_PAGEALLOC, onNone } from './worlds.ts';

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
    calls: [onNone('alloc_pages', 0), onNone('hibernate', 0), onNone('hibernate', 1)],
  }),
  after: ({ action, died }) =>
    died === undefined
      ? undefined
      : { text: `${action.text} writes a free page: ${died.how}`, failure: 'F8' },
  sometimes: [],
};
