import type { Claim } from '../claim.ts';
import { DIRECT_MAP_ROUND_TRIP, flagsLost, itsPages, onX86Only } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'direct-map-round-trip-loses-only-g',
  sentence:
    'A page that was taken out of the direct map and has come back is mapped as before, but for G and the size of its leaf.',
  source: {
    who: 'in our words, after Mike Rapoport',
    when: '2020 to this day',
    where: 'kernel/power/snapshot.c, above hibernate_map_page(): only protection bits are updated',
  },
  catalogue: ['P4'],
  notModelled: onX86Only('it is about G and D'),
  world: () => ({ leaf: '2M', calls: [DIRECT_MAP_ROUND_TRIP] }),
  after(done, { pages }) {
    if (done.returned.some((value) => value !== 0)) return undefined;
    const [before] = itsPages(done.action, done.before);
    const lost = flagsLost(before!, itsPages(done.action, pages)[0]!);
    return lost === '' || lost === 'G'
      ? undefined
      : { text: `${done.action.text} returned 0, and the page has lost ${lost}`, failure: 'F6' };
  },
  sometimes: [
    {
      text: 'a page comes back without G',
      seen: ({ pages }) => pages.some(({ level, text }) => level === 1 && !text.split(' ').includes('G')),
    },
  ],
};
