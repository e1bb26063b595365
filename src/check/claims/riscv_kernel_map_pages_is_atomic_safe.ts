import { notModelledYet } from './shared/not_modelled_yet.ts';

export const claim = notModelledYet(
  {
    id: 'riscv-kernel-map-pages-is-atomic-safe',
    sentence: 'On riscv __kernel_map_pages() may be called where nobody may sleep.',
    source: {
      who: 'Nam Cao, against it',
      when: 'May 2024',
      where:
        'fb1cf0878328 ("riscv: rewrite __kernel_map_pages() to fix sleeping in invalid context") (v6.10)',
    },
    catalogue: ['C8', 'S44', 'F8'],
  },
  'riscv is not modelled yet',
);
