/** Build options of powerpc alone, and a shared one whose default is another. */

import type { Config, ConfigName, ConfigOption } from '../../config.ts';

export const POWERPC_CONFIG_OPTIONS = {
  HIBERNATION: {
    meaning: 'the machine can be snapshotted; excludes STRICT_KERNEL_RWX and DEBUG_PAGEALLOC',
    default: 'n',
  },
  MEMORY_HOTPLUG: { meaning: 'memory can be added and removed in blocks', default: 'y' },
} as const satisfies Record<string, ConfigOption>;

export type PowerpcConfig = Config<ConfigName | keyof typeof POWERPC_CONFIG_OPTIONS>;
