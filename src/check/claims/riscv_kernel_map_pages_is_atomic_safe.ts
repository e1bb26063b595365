import type { Claim } from '../claim.ts';
import { mapsWithInterruptsOff, sleeps } from './no_sleep_in_atomic_context.ts';

export const claim: Claim = {
  id: 'riscv-kernel-map-pages-is-atomic-safe',
  sentence: 'On riscv __kernel_map_pages() may be called where nobody may sleep.',
  source: {
    who: 'Nam Cao, against it',
    when: 'May 2024',
    where: 'fb1cf0878328 ("riscv: rewrite __kernel_map_pages() to fix sleeping in invalid context") (v6.10)',
  },
  catalogue: ['C8', 'S44', 'F8'],
  notModelled: ({ version }) => (version.arch.name === 'riscv64' ? undefined : 'it is about riscv'),
  world: () => ({
    leaf: '4K',
    config: { DEBUG_PAGEALLOC: 'y' },
    boot: 'debug_pagealloc=on',
    calls: [mapsWithInterruptsOff(0), mapsWithInterruptsOff(1)],
  }),
  listens: true,
  after: sleeps,
  sometimes: [
    {
      text: 'it is called with interrupts off',
      seen: (_, done) => done !== undefined && done.died === undefined,
    },
  ],
};
