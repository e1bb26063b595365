import type { Claim } from '../claim.ts';
import { onRange, PRESENCE } from './shared/worlds.ts';

export const claim: Claim = {
  id: 'kernel-page-present-agrees',
  sentence: 'kernel_page_present() says of a page what a walk of the page tables says.',
  source: {
    who: 'Mike Rapoport',
    when: 'Nov 2020',
    where: '32a0de886eb3 ("arch, mm: make kernel_page_present() always available")',
  },
  catalogue: ['C12', 'P9'],
  world: () => ({
    leaf: '2M',
    geometry: 1,
    calls: [...PRESENCE, onRange('set_memory_ro'), onRange('set_memory_4k')],
  }),
  always(state) {
    const wrong = state.pages.findIndex(({ present }, page) => present !== state.kernelPagePresent(page));
    return wrong < 0
      ? undefined
      : { text: `kernel_page_present() is wrong about page ${wrong}`, failure: 'F7' };
  },
  sometimes: [
    {
      text: 'a large leaf is not present',
      by: ['set_memory_np', 'set_direct_map_valid_noflush'],
      seen: ({ pages }) => pages.some(({ level, present }) => level > 1 && !present),
    },
    {
      text: 'of neighbours in a split leaf some are present',
      by: ['set_memory_np', 'set_direct_map_invalid_noflush'],
      seen: ({ pages }) => pages.some(({ present }) => present) && pages.some(({ present }) => !present),
    },
  ],
};
