import type { Claim } from '../claim.ts';
import { endsWell, HIBERNATION_COPIES, onRange } from './shared/worlds.ts';
import { allocatesInSnapshot } from './snapshot_allocates_nothing.ts';

export const claim: Claim = {
  id: 'snapshot-allocates-nothing-whoever-unmaps',
  sentence:
    'While hibernation copies memory it allocates none, whatever ranges have been made not present before.',
  source: {
    who: 'Ville Syrjälä',
    when: '12 Jan 2025',
    where: 'report of corruption after resume with the execmem ROX cache of v6.13-rc (S18); property P10',
  },
  catalogue: ['P10', 'S12', 'S18'],
  world: () => ({
    leaf: '2M',
    calls: [onRange('set_memory_np'), onRange('set_memory_p'), HIBERNATION_COPIES],
  }),
  after: allocatesInSnapshot,
  sometimes: [endsWell('safe_copy_page')],
};
