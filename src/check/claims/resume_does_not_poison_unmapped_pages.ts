import type { Claim } from '../claim.ts';
import { DEBUG_PAGEALLOC, isOnly, onNone } from './worlds.ts';

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
    calls: [onNone('alloc_pages', 0), onNone('hibernate', 0), onNone('hibernate', 1)],
  }),
  after: ({ action, died }) =>
    died === undefined
      ? undefined
      : { text: `${action.text} writes a free page: ${died.how}`, failure: 'F8' },
  sometimes: [
    {
      text: 'it resumes with pages that are free and not present',
      seen: ({ pages }, done) => isOnly(done, 'hibernate', 1) && pages.some(({ present }) => !present),
    },
  ],
};
