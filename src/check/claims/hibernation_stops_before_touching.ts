import type { Claim } from '../claim.ts';
import { endsWell, HIBERNATION_COPIES, isRefused, onLeaf, onPage, onRange } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'hibernation-stops-before-touching',
  sentence:
    'If hibernation cannot map a page, it does not touch it. (Rick Edgecombe doubted it: "it will still try to read the unmapped page".)',
  source: { who: 'Rick Edgecombe', when: '26 Oct 2020', where: 'review of the series, v1' },
  catalogue: ['C6', 'K5', 'S11'],
  world: () => ({
    leaf: '2M',
    calls: [
      onRange('set_memory_np'),
      onRange('set_memory_p'),
      onLeaf('set_direct_map_valid_noflush', 0),
      onPage('set_direct_map_invalid_noflush'),
      HIBERNATION_COPIES,
    ],
  }),
  after: ({ action, died }) =>
    died === undefined
      ? undefined
      : { text: `${action.calls[1]!.name}() read a page that it could not map: ${died.how}`, failure: 'F1' },
  sometimes: [endsWell('safe_copy_page'), isRefused('safe_copy_page')],
};
