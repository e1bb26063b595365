import type { Claim, Done, Event, Pattern } from '../claim.ts';
import { DEBUG_PAGEALLOC } from './shared/worlds.ts';

/** The page allocator with interrupts off: a page is mapped and given out, or taken back and unmapped. */
export const mapsWithInterruptsOff = (enable: 0 | 1): Pattern => ({
  calls: [
    { name: 'local_irq_disable' },
    { name: '__kernel_map_pages', with: [enable] },
    { name: 'local_irq_enable' },
  ],
  on: 'page',
});

/** A sleep where none is allowed, whether this kernel is built to report it or not. */
const isForbiddenSleep = (event: Event) =>
  (event.kind === 'unreported' && event.option === 'DEBUG_ATOMIC_SLEEP') ||
  (event.kind === 'printk' && event.text.startsWith('BUG: sleeping function'));

/** What is wrong with an action that had interrupts off. */
export function sleeps({ action, events, died }: Done) {
  const slept = events.find(isForbiddenSleep);
  if (slept === undefined && died === undefined) return undefined;
  const text = died?.text ?? 'it allocates memory and may sleep for it';
  return { text: `${action.text}: ${text}`, failure: 'F8' } as const;
}

export const claim: Claim = {
  id: 'no-sleep-in-atomic-context',
  sentence:
    'With debug_pagealloc=on the page allocator may map and unmap pages with interrupts off: nothing sleeps.',
  source: {
    who: 'this project',
    when: '2026',
    where: 'property P5; set_memory.c of v7.2, above __kernel_map_pages()',
  },
  catalogue: ['P5', 'S3', 'K1'],
  world: () => ({ ...DEBUG_PAGEALLOC, calls: [mapsWithInterruptsOff(0), mapsWithInterruptsOff(1)] }),
  listens: true,
  after: sleeps,
  sometimes: [
    {
      text: 'a page is unmapped with interrupts off',
      seen: ({ pages }) => pages.some(({ present }) => !present),
    },
    {
      text: 'a page is mapped again with interrupts off',
      seen: ({ pages }, done) =>
        done?.before.some(({ present }, i) => !present && pages[i]!.present) === true,
    },
  ],
};
