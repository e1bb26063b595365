/** What the loongarch kernels do differently from one another, beside the changes of the shared code. */

import type { Change } from '../../changes.ts';

export const LOONGARCH_CHANGES = {
  'loongarch-set-memory': {
    effect:
      'there are set_memory_*() and set_direct_map_*(), for what page tables map; before, stubs that return 0 for everything',
    release: 'between v6.1 and v6.12',
  },
  'loongarch-page-present': {
    effect:
      'kernel_page_present() is false of what is no memory, and of a page that page tables map and is not present; before, always true',
    commit: '619b52777a49',
    release: 'between v6.1 and v6.12',
  },
  'loongarch-kfence': {
    effect: 'there is KFENCE, whose pool is mapped a second time, by page tables',
    release: 'between v6.1 and v6.12',
  },
  'loongarch-hibernation': {
    effect: 'the machine can hibernate',
    release: 'v6.2',
  },
} as const satisfies Record<string, Change>;

export type LoongarchChange = keyof typeof LOONGARCH_CHANGES;

/** Which of them came with each preset. */
export const LOONGARCH_SINCE = {
  'v6.12.107': [
    'loongarch-hibernation',
    'loongarch-set-memory',
    'loongarch-page-present',
    'loongarch-kfence',
  ],
} as const satisfies Readonly<Record<string, readonly LoongarchChange[]>>;
