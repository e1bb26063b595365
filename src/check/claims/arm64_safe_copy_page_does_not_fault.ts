import { notModelledYet } from './shared/not_modelled_yet.ts';

export const claim = notModelledYet(
  {
    id: 'arm64-safe-copy-page-does-not-fault',
    sentence:
      'On arm64 without DEBUG_PAGEALLOC, hibernation never reads a page that vfree() has taken out of the direct map. (Mike Rapoport doubted it: "This is a theoretical bug, but it is still not nice :)".)',
    source: { who: 'Mike Rapoport', when: '27 Oct 2020', where: 'review of the series, v1' },
    catalogue: ['C4', 'K7', 'S15'],
  },
  'arm64 is not modelled yet',
);
