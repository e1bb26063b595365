import type { Claim } from '../claim.ts';
import { endsWell, HIBERNATION_COPIES, onPage } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'hibernation-round-trip-keeps-rw',
  sentence:
    'Hibernation leaves a page that somebody has unmapped as it found it: mapped again by its owner, it is writable.',
  source: {
    who: 'this project',
    when: '2026',
    where: 'kernel/power/snapshot.c, safe_copy_page(): map, copy, unmap',
  },
  catalogue: ['P4', 'S20', 'S17'],
  world: () => ({
    leaf: '2M',
    geometry: 1,
    calls: [onPage('set_memory_np'), onPage('set_memory_p'), HIBERNATION_COPIES],
  }),
  always({ pages }) {
    return pages.some(({ present, writable }) => present && !writable)
      ? { text: 'a page is read-only, and nobody has asked for that', failure: 'F9' }
      : undefined;
  },
  sometimes: [endsWell('safe_copy_page'), endsWell('set_memory_p')],
};
