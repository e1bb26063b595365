import type { Claim } from '../claim.ts';
import { HIBERNATION_COPIES, onPage } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'arm64-safe-copy-page-does-not-fault',
  sentence:
    'On arm64 without DEBUG_PAGEALLOC, hibernation never faults on a page that vfree() has taken out of the direct map and not put back yet. (Mike Rapoport doubted it: "This is a theoretical bug, but it is still not nice :)".)',
  source: { who: 'Mike Rapoport', when: '27 Oct 2020', where: 'review of the series, v1' },
  catalogue: ['C4', 'K7', 'S15'],
  notModelled: ({ version }) => (version.arch.name === 'arm64' ? undefined : 'it is about arm64'),
  world: () => ({
    leaf: '4K',
    calls: [
      onPage('set_direct_map_invalid_noflush'),
      onPage('set_direct_map_default_noflush'),
      HIBERNATION_COPIES,
    ],
  }),
  after: ({ action, died }) =>
    died === undefined ? undefined : { text: `${action.text}: ${died.text}`, failure: 'F8' },
  sometimes: [
    {
      text: 'a page that is not present is copied',
      seen: (_, done) =>
        done !== undefined && done.action.calls.length > 1 && !done.before[done.action.first]!.present,
    },
  ],
};
