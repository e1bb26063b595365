import { notModelledYet } from './shared/not_modelled_yet.ts';

export const claim = notModelledYet(
  {
    id: 'arm64-set-memory-ro-covers-the-linear-alias',
    sentence: 'On arm64, when set_memory_ro() has returned 0, the alias in the direct map is read-only, too.',
    source: {
      who: 'Dev Jain, against it: "currently we are suppressing the error"',
      when: 'Dec 2025',
      where: 'e5efd56fa157, about the time since a166563e7ec3',
    },
    catalogue: ['C9', 'F5'],
  },
  'arm64 is not modelled yet',
);
