import { notModelledYet } from './shared/not_modelled_yet.ts';

export const claim = notModelledYet(
  {
    id: 'arm64-invalid-then-valid-of-a-pmd-is-identity',
    sentence: 'On arm64 a PMD leaf that is made invalid and then valid again is as it was.',
    source: {
      who: 'Ryan Roberts, against it: "then ignored in the second pass"',
      when: '23 Mar 2026',
      where: '15bfba1ad77f ("Handle invalid large leaf mappings correctly")',
    },
    catalogue: ['C10', 'S46', 'F6'],
  },
  'arm64 is not modelled yet',
);
