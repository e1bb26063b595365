import type { Claim, PageState } from '../claim.ts';
import { onLeaf } from './shared/worlds.ts';

const isUsable = ({ present, writable }: PageState) => present && writable;

export const claim: Claim = {
  id: 'arm64-invalid-then-valid-of-a-pmd-is-identity',
  sentence:
    'On arm64 a PMD leaf that is made invalid and then valid again, by calls that return 0, is as it was.',
  source: {
    who: 'Ryan Roberts, against it: "then ignored in the second pass"',
    when: '23 Mar 2026',
    where: '15bfba1ad77f ("Handle invalid large leaf mappings correctly")',
  },
  catalogue: ['C10', 'S46', 'F6'],
  notModelled: ({ version }) => (version.arch.name === 'arm64' ? undefined : 'it is about arm64'),
  world: () => ({
    leaf: '2M',
    calls: [
      {
        calls: [
          { name: 'set_direct_map_valid_noflush', with: [0] },
          { name: 'set_direct_map_valid_noflush', with: [1] },
        ],
        on: 'leaf',
      },
      onLeaf('set_direct_map_valid_noflush', 0),
      onLeaf('set_direct_map_valid_noflush', 1),
    ],
  }),
  after({ action, returned, before }, { pages }) {
    const valid = action.calls.at(-1)!.with?.[0] === 1;
    if (!valid || returned.some((value) => value !== 0)) return undefined;
    const page = pages.findIndex((each) => !isUsable(each));
    if (page >= 0)
      return { text: `after ${action.text}, which returned 0, a page is not present`, failure: 'F6' };
    const whole = action.calls.length === 2 && before.every(isUsable);
    return !whole || pages.every((each, i) => each === before[i])
      ? undefined
      : { text: `${action.text} has changed the leaf`, failure: 'F6' };
  },
  sometimes: [
    {
      text: 'a whole leaf is not present, and is present again',
      by: ['set_direct_map_valid_noflush'],
      seen: ({ pages }, done) =>
        done?.before.every(({ present }) => !present) === true &&
        pages.every(({ present, level }) => present && level > 1),
    },
  ],
};
