/** Build options of x86 alone. */

import type { Config, ConfigName, ConfigOption } from '../../config.ts';

export const X86_CONFIG_OPTIONS = {
  X86_DIRECT_GBPAGES: { meaning: '1G leaves in the direct map unless nogbpages', default: 'y' },
  X86_5LEVEL: { meaning: 'built for 5-level paging too', default: 'y' },
  RANDOMIZE_MEMORY: { meaning: 'the direct map may be placed at random (KASLR)', default: 'y' },
  CPA_DEBUG: { meaning: 'mark_rodata_ro() tests itself by set_memory_rw() and back', default: 'n' },
} as const satisfies Record<string, ConfigOption>;

export type X86Config = Config<ConfigName | keyof typeof X86_CONFIG_OPTIONS>;
