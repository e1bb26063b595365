import { notModelledYet } from './shared/not_modelled_yet.ts';

export const claim = notModelledYet(
  {
    id: 'v1-and-v2-lose-remaps-on-arm64',
    sentence:
      'On arm64 with debug_pagealloc and without rodata_full, v1 and v2 of the series "might actually introduce a regression": the remap returns 0 and does nothing.',
    source: { who: 'Rick Edgecombe', when: '28 Oct 2020', where: 'review of the series, v1' },
    catalogue: ['C3', 'K8', 'S14', 'F2'],
  },
  'arm64 is not modelled yet, nor are v1 and v2 of the series',
);
